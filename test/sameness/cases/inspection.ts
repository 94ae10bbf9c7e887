import { readFileSync } from 'node:fs';
import { smallHive } from './content-of.js';
import { call, freshExt, group, refused, save, saved, send, UUID, varying, type Group, type Step } from '../case.js';

const busybox = (): Buffer => readFileSync('/bin/busybox');

const writeAll = (files: Readonly<Record<string, string>>): Step[] => {
  const folders = new Set(
    Object.keys(files)
      .map((path) => path.slice(0, path.lastIndexOf('/')))
      .filter((folder) => folder !== ''),
  );
  return [
    ...[...folders].map((folder) => call('mkdir_p', folder)),
    ...Object.entries(files).map(([path, text]) => call('write', path, Buffer.from(text))),
  ];
};

const status = `Package: bash
Status: install ok installed
Architecture: amd64
Version: 1:5.2.15-2+b2
Homepage: https://example.test/bash
Description: a shell
 with more words

Package: gone
Status: deinstall ok config-files
Version: 1.0

Package: lib-ünï
Status: install ok installed
Architecture: all
Source: uni-source
Version: 3~rc1
Description: names

`;

const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=',
  'base64',
);

const debian = (busyboxContent: Buffer): Step[] =>
  [
    freshExt('/dev/sda'),
    call('set_uuid', '/dev/sda', UUID),
    call('mount', '/dev/sda', '/'),
    writeAll({
      '/etc/os-release':
        'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
      '/etc/debian_version': '12.1\n',
      '/etc/hostname': 'sämehost\n',
      '/etc/fstab': `LABEL=same / ext4 defaults 0 1\nUUID=${UUID} /twice ext4 ro 0 2\n/dev/sdb none swap sw 0 0\n`,
      '/var/lib/dpkg/status': status,
    }),
    ['/bin', '/dev', '/proc', '/sys', '/tmp'].map((folder) => call('mkdir', folder)),
    call('mkdir_p', '/usr/share/pixmaps'),
    call('write', '/usr/share/pixmaps/debian-logo.png', pixel),
    call('upload', send(busyboxContent), '/bin/sh'),
    call('chmod', 0o755, '/bin/sh'),
    call('file_architecture', '/bin/sh'),
    refused(call('file_architecture', '/etc/fstab')),
    call('umount_all'),
  ].flat();

const questions = [
  'type',
  'distro',
  'package_format',
  'package_management',
  'product_name',
  'product_variant',
  'major_version',
  'minor_version',
  'arch',
  'hostname',
  'format',
  'mountpoints',
  'filesystems',
  'drive_mappings',
  'osinfo',
];
const ofWindows = ['systemroot', 'software_hive', 'system_hive', 'current_control_set'];
const CLASS = {
  text: [[/^app2_spare1$/g, 'app2_class']],
  because: 'a field that the library of the peer keeps spare has got a name since',
} as const;
const inspected = (root: string): Step[] => [
  ...questions.map((question) => call(`inspect_get_${question}`, root)),
  ...['live', 'netinst', 'multipart'].map((question) => call(`inspect_is_${question}`, root)),
  refused(call('inspect_list_applications2', root)),
  call('mount_ro', root, '/'),
  call('inspect_get_icon', root),
  call('inspect_get_icon', root, { favicon: false }),
  call('inspect_list_applications', root),
  varying(CLASS, call('inspect_list_applications2', root)),
  call('umount_all'),
];

export const inspection = (): Group =>
  group(
    'inspection of a Debian',
    ['/dev/sdb', '/dev/sdc', '/dev/sdd', '/dev/sde'].map((device) => call('wipefs', device)),
    debian(busybox()),
    call('inspect_os'),
    call('inspect_get_roots'),
    inspected('/dev/sda'),
    ofWindows.map((question) => refused(call(`inspect_get_windows_${question}`, '/dev/sda'))),
    refused(call('inspect_get_type', '/dev/sdb')),
    call('mount', '/dev/sda', '/'),
    call('write', '/var/lib/dpkg/status', Buffer.from(status.trimEnd())),
    call('inspect_list_applications', '/dev/sda'),
    call('umount_all'),
    call('list_filesystems'),
  );

/** Programs in the guest: a static busybox is all that its root has. */
export const commands = (): Group =>
  group(
    'commands',
    call('umount_all'),
    call('mount', '/dev/sda', '/'),
    ['cat', 'echo', 'false', 'printf'].map((name) => call('ln_sf', 'sh', `/bin/${name}`)),
    call('command', ['/bin/echo', 'hellö', 'wörld']),
    call('command_lines', ['/bin/printf', 'a\\nb\\n\\nc']),
    refused(call('command', ['/bin/false'])),
    refused(call('command', ['/none'])),
    refused(call('command', [])),
    refused(call('command', ['/bin/cat'.padEnd(20, '/')])),
    call('sh', 'echo $((6 * 7)); cat /etc/hostname'),
    call('sh_lines', 'cat /etc/fstab'),
    refused(call('sh', 'echo complaint >&2; exit 7')),
    call('sh', "printf 'no end'"),
    call('umount_all'),
  );

const windowsPath = '/Windows/System32/config';
const wide = (text: string): Buffer => Buffer.from(`${text}\0`, 'utf16le');
const program = (): Buffer => {
  const file = Buffer.alloc(512);
  file.write('MZ', 0, 'latin1');
  file.writeUInt32LE(0x80, 0x3c);
  file.write('PE\0\0', 0x80, 'latin1');
  file.writeUInt16LE(0x8664, 0x84);
  file.writeUInt16LE(1, 0x86);
  file.writeUInt16LE(0xf0, 0x94);
  file.writeUInt16LE(0x0022, 0x96);
  file.writeUInt16LE(0x020b, 0x98);
  file.writeUInt16LE(3, 0x98 + 68);
  return file;
};

/** A key below the last one, and its values. */
const key = (name: string, values: Readonly<Record<string, Buffer | [number, Buffer]>> = {}): Step[] => [
  save('key', call('hivex_node_add_child', saved('key'), name)),
  ...Object.entries(values).map(([label, value]) =>
    Array.isArray(value)
      ? call('hivex_node_set_value', saved('key'), label, value[0], value[1])
      : call('hivex_node_set_value', saved('key'), label, 1, value),
  ),
];
const number = (value: number): [number, Buffer] => [4, Buffer.from([value, 0, 0, 0])];

export const windows = group(
  'inspection of a Windows',
  call('umount_all'),
  call('wipefs', '/dev/sda'),
  call('part_disk', '/dev/sdc', 'mbr'),
  call('part_set_mbr_id', '/dev/sdc', 1, 7),
  freshExt('/dev/sdc1', 'ext2'),
  call('mount', '/dev/sdc1', '/'),
  call('mkdir_p', windowsPath),
  call('mkdir_p', '/Program Files'),
  call('upload', send(program()), '/Windows/System32/cmd.exe'),
  call('upload', send(program()), '/Windows/explorer.exe'),
  call('touch', '/autoexec.bat'),
  ['SOFTWARE', 'SYSTEM'].map((name) => call('upload', send(smallHive()), `${windowsPath}/${name}`)),
  call('hivex_open', `${windowsPath}/SOFTWARE`, { write: true }),
  save('key', call('hivex_root')),
  key('Microsoft'),
  key('Windows NT'),
  key('CurrentVersion', {
    ProductName: wide('Windows Sämple'),
    CurrentVersion: wide('6.3'),
    CurrentMajorVersionNumber: number(10),
    CurrentMinorVersionNumber: number(0),
    InstallationType: wide('Client'),
    CurrentBuild: wide('19041'),
  }),
  call('hivex_commit', null),
  save('root', call('hivex_root')),
  save('key', call('hivex_node_get_child', saved('root'), 'Microsoft')),
  key('Windows'),
  key('CurrentVersion'),
  key('Uninstall'),
  key('Thing', {
    DisplayName: wide('A Thïng'),
    DisplayVersion: wide('1.2.3'),
    Publisher: wide('Somebody'),
    InstallLocation: wide('C:\\Thing'),
    URLInfoAbout: wide('http://example.test'),
    Comments: wide('words'),
  }),
  call('hivex_commit', null),
  call('hivex_close'),
  call('hivex_open', `${windowsPath}/SYSTEM`, { write: true }),
  save('root', call('hivex_root')),
  save('key', call('hivex_root')),
  key('Select', { Current: number(1), Default: number(1) }),
  save('key', call('hivex_root')),
  key('ControlSet001'),
  key('Services'),
  key('Tcpip'),
  key('Parameters', { Hostname: wide('WINHÖST') }),
  save('key', call('hivex_root')),
  key('MountedDevices'),
  call('hivex_commit', null),
  call('hivex_close'),
  call('umount_all'),
  call('inspect_os'),
  inspected('/dev/sdc1'),
  ofWindows.map((question) => call(`inspect_get_windows_${question}`, '/dev/sdc1')),
);
