import { describe, expect, test } from '@jest/globals';
import { procedures } from '@guestfs/core/protocol';
import { formatCall, formatFailure, formatResult } from '../../src/call/trace.js';
import type { Signature } from '../../src/call/signature.js';
import { signatures } from '../../src/generated/signatures.js';

describe('the trace line of a call', () => {
  test.each<[Signature, unknown[], Record<string, unknown> | undefined, string]>([
    [procedures.mkfs, ['ext4', '/dev/sda1'], { blocksize: 4096 }, 'mkfs "ext4" "/dev/sda1" "blocksize:4096"'],
    [procedures.command, [['ls', '-l']], undefined, 'command "ls -l"'],
    [procedures.command, [[]], undefined, 'command ""'],
    [signatures.setAppend, [null], undefined, 'set_append null'],
    [signatures.setTrace, [true], undefined, 'set_trace true'],
    [procedures.isFile, ['/f'], { followsymlinks: false }, 'is_file "/f" "followsymlinks:false"'],
    [procedures.mkdirMode, ['a "b"', 448], undefined, 'mkdir_mode "a "b"" 448'],
    [procedures.truncateSize, ['/f', 5n], undefined, 'truncate_size "/f" 5'],
    [procedures.ntfs3gProbe, [true, '/dev/sda1'], undefined, 'ntfs_3g_probe true "/dev/sda1"'],
    [procedures.sfdiskM, ['/dev/sda', [',']], undefined, 'sfdiskM "/dev/sda" ","'],
    [signatures.write, ['/f', Buffer.from('a\0\xff"', 'latin1')], undefined, 'write "/f" "a\\x00\\xff""'],
    [signatures.write, ['/f', 'é'], undefined, 'write "/f" "\\xc3\\xa9"'],
    [signatures.addLibvirtDom, [{}], { readonly: true }, 'add_libvirt_dom (pointer) "readonly:true"'],
  ])('%#', (signature, args, options, line) => expect(formatCall(signature, args, options)).toBe(line));

  test('hides keys, passwords and secret options', () => {
    expect(formatCall(procedures.luksAddKey, ['/dev/sda', 'old', 'new', 1])).toBe(
      'luks_add_key "/dev/sda" "***" "***" 1',
    );
    expect(formatCall(signatures.addDrive, ['x'], { secret: 'word' })).toBe('add_drive "x" "secret:***"');
    expect(formatCall(signatures.setLibvirtRequestedCredential, [0, Buffer.from('pw')])).toBe(
      'set_libvirt_requested_credential 0 "***"',
    );
  });

  test('shows the file in its place', () => {
    const upload = (file: unknown): string => formatCall(procedures.upload, ['/f'], undefined, { position: 0, file });
    expect(upload('/etc/hostname')).toBe('upload "/etc/hostname" "/f"');
    expect(upload(new URL('file:///a%20b'))).toBe('upload "/a b" "/f"');
    expect(upload(Buffer.alloc(5))).toBe('upload "<5 bytes>" "/f"');
    const file = { position: 1, file: undefined };
    expect(formatCall(procedures.tarOut, ['/'], { compress: 'gzip', excludes: ['a', 'b'] }, file)).toBe(
      'tar_out "/" "<stream>" "compress:gzip" "excludes:a b"',
    );
  });
});

describe('the trace line of a result', () => {
  test.each<[Signature, unknown, string]>([
    [procedures.mount, undefined, 'mount = 0'],
    [procedures.isFile, true, 'is_file = 1'],
    [procedures.isFile, false, 'is_file = 0'],
    [procedures.filesize, 5n, 'filesize = 5'],
    [signatures.getPid, 7, 'get_pid = 7'],
    [procedures.vfsType, 'ext4', 'vfs_type = "ext4"'],
    [signatures.getAppend, null, 'get_append = "NULL"'],
    [signatures.readFile, Buffer.from('a\n'), 'read_file = "a\\x0a"'],
    [procedures.listDevices, ['a', 'b'], 'list_devices = ["a", "b"]'],
    [procedures.listDevices, [], 'list_devices = []'],
    [procedures.mountpoints, { '/dev/sda1': '/' }, 'mountpoints = ["/dev/sda1", "/"]'],
    [
      signatures.version,
      { major: 1n, minor: 48n, release: 6n, extra: '' },
      'version = <struct guestfs_version = major: 1, minor: 48, release: 6, extra: , >',
    ],
    [procedures.lgetxattrs, [], 'lgetxattrs = <struct guestfs_xattr_list(0)>'],
    [
      procedures.lgetxattrs,
      [
        { attrname: 'a', attrval: Buffer.from('x\0') },
        { attrname: 'b', attrval: Buffer.from('y') },
      ],
      'lgetxattrs = <struct guestfs_xattr_list(2) = [0]{attrname: a, attrval: x\\x00, } [1]{attrname: b, attrval: y, }>',
    ],
  ])('%#', (signature, value, line) => expect(formatResult(signature, value)).toBe(line));

  test('has upstream’s names for fields, and percentages as C prints them', () => {
    const line = (value: number | null): string => {
      const fields = procedures.lvsFull.returns.kind === 'structlist' ? procedures.lvsFull.returns.struct.fields : [];
      const volume = Object.fromEntries(fields.map(({ name }) => [name, null]));
      return formatResult(procedures.lvsFull, [{ ...volume, lvName: 'lv', snapPercent: value }]);
    };
    expect(line(12.3456789)).toContain(', snap_percent: 12.3457 %, copy_percent: ');
    expect(line(null)).toContain(', snap_percent: , ');
    expect(line(null)).toMatch(/^lvs_full = <struct guestfs_lvm_lv_list\(1\) = \[0\]\{lv_name: lv, lv_uuid: /);
  });

  test('cuts buffers as upstream does, and only what is immense else', () => {
    expect(formatResult(signatures.readFile, Buffer.alloc(1000, 120))).toBe(
      `read_file = "${'x'.repeat(256)}"<truncated, original size 1000 bytes>`,
    );
    expect(formatResult(procedures.vfsType, 'x'.repeat(5000))).toBe(`vfs_type = "${'x'.repeat(5000)}"`);
    const many = Array.from({ length: 500_000 }, () => 'abc');
    const line = formatResult(procedures.listDevices, many);
    expect(line.length).toBeLessThan(1.1 * 1024 * 1024);
    expect(line).toMatch(/, "abc"<truncated, 500000 in all>\]$/);
    expect(formatResult(procedures.vfsType, 'x'.repeat(2 ** 21)).length).toBeLessThan(1.1 * 1024 * 1024);
  });
});

test.each<[Signature, string]>([
  [procedures.mount, 'mount = -1 (error)'],
  [procedures.filesize, 'filesize = -1 (error)'],
  [procedures.isFile, 'is_file = -1 (error)'],
  [procedures.pvs, 'pvs = NULL (error)'],
  [procedures.statns, 'statns = NULL (error)'],
  [signatures.getHv, 'get_hv = NULL (error)'],
])('a failure shows as upstream’s type of result', (signature, line) => expect(formatFailure(signature)).toBe(line));
