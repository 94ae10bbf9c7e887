import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Guestfs } from 'guestfs';
import { signatures } from '../../packages/guestfs/src/generated/signatures.js';
import { handleOf } from '../../packages/guestfs/src/handle/registry.js';
import { testDomain, TestDriverHost } from '../native/libvirt/test-driver.js';
import { makeJournal } from '../support/journal-file.js';

// Under software emulation on a busy machine a boot may take minutes.
jest.setTimeout(900_000);

const MIB = 1024 * 1024;

/** What is checked of each function that the library does by itself. */
type Checks = Partial<Record<keyof typeof signatures, (g: Guestfs) => unknown>>;

let host: string;
const at = (name: string): string => join(host, name);
const drivesOf = (g: Guestfs) => handleOf(g).drives;
const settingsOf = (g: Guestfs) => handleOf(g).settings;
const unsupported = { code: 'ERR_GUESTFS_UNSUPPORTED' };
const noCredentials = expect.objectContaining({ code: 'ERR_GUESTFS_STATE' });

const withoutAppliance: Checks = {
  addDrive(g) {
    g.addDrive(at('disk.img'), { format: 'raw', readonly: true, label: 'disk' });
    expect(drivesOf(g)).toEqual([{ file: at('disk.img'), format: 'raw', readonly: true, label: 'disk' }]);
  },
  addDriveRo(g) {
    g.addDriveRo(at('disk.img'));
    expect(drivesOf(g)).toEqual([{ file: at('disk.img'), readonly: true }]);
  },
  addCdrom(g) {
    g.addCdrom(at('disk.img'));
    expect(drivesOf(g)).toEqual([{ file: at('disk.img'), readonly: true }]);
  },
  addDriveWithIf(g) {
    g.addDriveWithIf(at('disk.img'), 'virtio');
    expect(drivesOf(g)).toEqual([{ file: at('disk.img'), readonly: false, iface: 'virtio' }]);
  },
  addDriveRoWithIf(g) {
    g.addDriveRoWithIf(at('disk.img'), 'ide');
    expect(drivesOf(g)).toEqual([{ file: at('disk.img'), readonly: true, iface: 'ide' }]);
  },
  async addDriveScratch(g) {
    g.addDriveScratch(3 * MIB, { label: 'scratch' });
    const [drive] = drivesOf(g);
    expect(drive).toMatchObject({ readonly: false, format: 'raw', cachemode: 'unsafe', label: 'scratch' });
    expect((await stat(drive!.file)).size).toBe(3 * MIB);
  },
  async addDomain(g) {
    const disk = `<disk type='file' device='disk'><source file='${at('disk.img')}'/><target dev='vda'/></disk>`;
    await using driver = await TestDriverHost.create(testDomain('web', disk, 5));
    expect(await g.addDomain('web', { libvirturi: driver.uri, readonly: true })).toBe(1);
    expect(drivesOf(g)).toMatchObject([{ file: at('disk.img'), readonly: true }]);
  },
  addLibvirtDom: (g) =>
    expect(g.addLibvirtDom(null)).rejects.toMatchObject({ ...unsupported, hint: expect.stringContaining('addDomain') }),
  removeDrive: (g) => expect(() => g.removeDrive('disk')).toThrow(expect.objectContaining(unsupported)),
  cPointer: (g) => expect(g.cPointer()).rejects.toMatchObject(unsupported),
  mountLocal: (g) => expect(g.mountLocal('/mnt')).rejects.toMatchObject(unsupported),
  mountLocalRun: (g) => expect(g.mountLocalRun()).rejects.toMatchObject(unsupported),
  umountLocal: (g) => expect(g.umountLocal({ retry: true })).rejects.toMatchObject(unsupported),

  getVerbose: (g) => expect(g.getVerbose()).toBe(false),
  setVerbose: (g) => (g.setVerbose(true), expect(g.getVerbose()).toBe(true)),
  getTrace: (g) => expect(g.getTrace()).toBe(false),
  setTrace(g) {
    const lines: string[] = [];
    g.on('trace', ({ text }) => lines.push(text));
    g.setTrace(true);
    g.getMemsize();
    expect([g.getTrace(), lines.slice(0, 2)]).toEqual([true, ['get_memsize', 'get_memsize = 1280']]);
  },
  getAutosync: (g) => expect(g.getAutosync()).toBe(true),
  setAutosync: (g) => (g.setAutosync(false), expect(g.getAutosync()).toBe(false)),
  getPath: (g) => expect(g.getPath()).toContain('guestfs'),
  setPath: (g) => (g.setPath('/a:/b'), expect([g.getPath(), settingsOf(g).path]).toEqual(['/a:/b', ['/a', '/b']])),
  getAppend: (g) => expect(g.getAppend()).toBeNull(),
  setAppend: (g) => (g.setAppend('quiet'), expect(g.getAppend()).toBe('quiet')),
  getHv: (g) => expect(g.getHv()).toMatch(/^\/.*\/qemu-system-/),
  setHv: (g) => (g.setHv('/opt/qemu'), expect(g.getHv()).toBe('/opt/qemu')),
  getQemu: (g) => expect(g.getQemu()).toBe(g.getHv()),
  setQemu: (g) => (g.setQemu('/opt/qemu'), expect(g.getQemu()).toBe('/opt/qemu')),
  getMemsize: (g) => expect(g.getMemsize()).toBe(1280),
  setMemsize: (g) => (g.setMemsize(600), expect(g.getMemsize()).toBe(600)),
  getSmp: (g) => expect(g.getSmp()).toBe(1),
  setSmp: (g) => (g.setSmp(4), expect(g.getSmp()).toBe(4)),
  getNetwork: (g) => expect(g.getNetwork()).toBe(false),
  setNetwork: (g) => (g.setNetwork(true), expect(g.getNetwork()).toBe(true)),
  getSelinux: (g) => expect(g.getSelinux()).toBe(false),
  setSelinux: (g) => (g.setSelinux(true), expect(g.getSelinux()).toBe(true)),
  getDirect: (g) => expect(g.getDirect()).toBe(false),
  setDirect: (g) => (g.setDirect(true), expect(g.getDirect()).toBe(true)),
  getPgroup: (g) => expect(g.getPgroup()).toBe(false),
  setPgroup: (g) => (g.setPgroup(true), expect(g.getPgroup()).toBe(true)),
  getRecoveryProc: (g) => expect(g.getRecoveryProc()).toBe(true),
  setRecoveryProc: (g) => (g.setRecoveryProc(false), expect(g.getRecoveryProc()).toBe(false)),
  getProgram: (g) => expect(g.getProgram()).not.toBe(''),
  setProgram: (g) => (g.setProgram('my program'), expect(g.getProgram()).toBe('my program')),
  getIdentifier: (g) => expect(g.getIdentifier()).toBe(''),
  setIdentifier: (g) => (g.setIdentifier('one'), expect(g.getIdentifier()).toBe('one')),
  getTmpdir: (g) => expect(g.getTmpdir()).toBe('/tmp'),
  setTmpdir: (g) => (g.setTmpdir(host), expect(g.getTmpdir()).toBe(host)),
  getCachedir: (g) => expect(g.getCachedir()).toBe('/var/tmp'),
  setCachedir: (g) => (g.setCachedir(host), expect(g.getCachedir()).toBe(host)),
  getSockdir: (g) => expect(existsSync(g.getSockdir())).toBe(true),
  config(g) {
    g.config('-device', 'pvpanic');
    g.config('-no-acpi', null);
    expect(settingsOf(g).qemuParameters).toEqual([
      ['-device', 'pvpanic'],
      ['-no-acpi', null],
    ]);
  },
  getBackend: (g) => expect(g.getBackend()).toBe('direct'),
  setBackend: (g) => (g.setBackend('unix:/x'), expect(g.getBackend()).toBe('unix:/x')),
  getAttachMethod: (g) => expect(g.getAttachMethod()).toBe('appliance'),
  setAttachMethod: (g) => (g.setAttachMethod('unix:/x'), expect(g.getAttachMethod()).toBe('unix:/x')),
  getBackendSettings: (g) => expect(g.getBackendSettings()).toEqual([]),
  setBackendSettings: (g) => (g.setBackendSettings(['a', 'b=c']), expect(g.getBackendSettings()).toEqual(['a', 'b=c'])),
  getBackendSetting(g) {
    g.setBackendSettings(['a', 'b=c']);
    expect([g.getBackendSetting('a'), g.getBackendSetting('b')]).toEqual(['1', 'c']);
    expect(() => g.getBackendSetting('c')).toThrow(expect.objectContaining({ code: 'ESRCH' }));
  },
  setBackendSetting: (g) => (g.setBackendSetting('a', '2'), expect(g.getBackendSettings()).toEqual(['a=2'])),
  clearBackendSetting(g) {
    g.setBackendSettings(['a', 'b', 'a=2']);
    expect([g.clearBackendSetting('a'), g.clearBackendSetting('a'), g.getBackendSettings()]).toEqual([2, 0, ['b']]);
  },
  parseEnvironment(g) {
    process.env['LIBGUESTFS_MEMSIZE'] = '777';
    g.parseEnvironment();
    delete process.env['LIBGUESTFS_MEMSIZE'];
    expect(g.getMemsize()).toBe(777);
  },
  parseEnvironmentList: (g) => (g.parseEnvironmentList(['LIBGUESTFS_MEMSIZE=555']), expect(g.getMemsize()).toBe(555)),
  isConfig: (g) => expect(g.isConfig()).toBe(true),
  isLaunching: (g) => expect(g.isLaunching()).toBe(false),
  isReady: (g) => expect(g.isReady()).toBe(false),
  isBusy: (g) => expect(g.isBusy()).toBe(false),
  getState: (g) => expect(g.getState()).toBe(0),
  waitReady: (g) => expect(() => g.waitReady()).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_STATE' })),
  maxDisks: (g) => expect(g.maxDisks()).toBe(255),
  version: (g) => expect(g.version()).toMatchObject({ major: expect.any(BigInt), extra: expect.any(String) }),

  async setLibvirtSupportedCredentials(g) {
    await using driver = await TestDriverHost.create(
      `<auth><user password="secret">bob</user></auth>${testDomain('web', '', 5)}`,
    );
    const asked: string[][] = [];
    g.setLibvirtSupportedCredentials(['username', 'passphrase']);
    g.on('libvirtAuth', () => {
      for (const [i, type] of g.getLibvirtRequestedCredentials().entries()) {
        const [prompt, challenge, given] = [
          g.getLibvirtRequestedCredentialPrompt(i),
          g.getLibvirtRequestedCredentialChallenge(i),
          g.getLibvirtRequestedCredentialDefresult(i),
        ];
        asked.push([type, prompt, challenge, given]);
        g.setLibvirtRequestedCredential(i, type === 'username' ? 'bob' : 'secret');
      }
    });
    await g.addDomain('web', { libvirturi: driver.uri }).catch(() => undefined);
    expect(asked).toEqual([
      ['username', expect.stringContaining('name'), expect.any(String), expect.any(String)],
      ['passphrase', expect.stringContaining('assword'), expect.any(String), expect.any(String)],
    ]);
  },
  getLibvirtRequestedCredentials: (g) => expect(() => g.getLibvirtRequestedCredentials()).toThrow(noCredentials),
  getLibvirtRequestedCredentialPrompt: (g) =>
    expect(() => g.getLibvirtRequestedCredentialPrompt(0)).toThrow(noCredentials),
  getLibvirtRequestedCredentialChallenge: (g) =>
    expect(() => g.getLibvirtRequestedCredentialChallenge(0)).toThrow(noCredentials),
  getLibvirtRequestedCredentialDefresult: (g) =>
    expect(() => g.getLibvirtRequestedCredentialDefresult(0)).toThrow(noCredentials),
  setLibvirtRequestedCredential: (g) => expect(() => g.setLibvirtRequestedCredential(0, 'x')).toThrow(noCredentials),

  async diskCreate(g) {
    await g.diskCreate(at('new.qcow2'), 'qcow2', 5 * MIB, { compat: '1.1', clustersize: 65_536 });
    await g.diskCreate(at('over.qcow2'), 'qcow2', -1, { backingfile: at('new.qcow2'), backingformat: 'qcow2' });
    await g.diskCreate(at('full.img'), 'raw', MIB, { preallocation: 'full' });
    expect((await stat(at('full.img'))).blocks * 512).toBeGreaterThanOrEqual(MIB);
    await expect(g.diskCreate(at('x'), 'vmdk', MIB)).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
  },
  async diskFormat(g) {
    expect([await g.diskFormat(at('new.qcow2')), await g.diskFormat(at('disk.img'))]).toEqual(['qcow2', 'raw']);
  },
  async diskVirtualSize(g) {
    expect(await g.diskVirtualSize(at('new.qcow2'))).toBe(BigInt(5 * MIB));
    expect(await g.diskVirtualSize(at('over.qcow2'))).toBe(BigInt(5 * MIB));
  },
  async diskHasBackingFile(g) {
    expect(await g.diskHasBackingFile(at('over.qcow2'))).toBe(true);
    expect(await g.diskHasBackingFile(at('new.qcow2'))).toBe(false);
  },
};

const withAppliance: Checks = {
  launch: (g) => expect(g.launch()).rejects.toMatchObject({ code: 'ERR_GUESTFS_STATE' }),
  getPid: (g) => expect(() => process.kill(g.getPid(), 0)).not.toThrow(),
  async available(g) {
    await g.available(['lvm2', 'btrfs']);
    await expect(g.available(['nothing'])).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
  },
  async featureAvailable(g) {
    expect(await g.featureAvailable(['lvm2', 'btrfs'])).toBe(true);
  },
  async deviceIndex(g) {
    expect([await g.deviceIndex('/dev/sda'), await g.deviceIndex('/dev/vdc')]).toEqual([0, 2]);
  },
  async deviceName(g) {
    expect([await g.deviceName(0), await g.deviceName(2)]).toEqual(['/dev/sda', '/dev/sdc']);
    await expect(g.deviceName(4)).rejects.toMatchObject({ code: 'EINVAL' });
  },
  async canonicalDeviceName(g) {
    expect(await g.canonicalDeviceName('/dev/mapper/vg-lv')).toBe('/dev/vg/lv');
    expect(await g.canonicalDeviceName('/dev/hdb3')).toBe('/dev/sdb3');
  },
  async mountableDevice(g) {
    expect(await g.mountableDevice('btrfsvol:/dev/sdb/volume')).toBe('/dev/sdb');
    expect(await g.mountableDevice('/dev/sda')).toBe('/dev/sda');
  },
  async mountableSubvolume(g) {
    expect(await g.mountableSubvolume('btrfsvol:/dev/sdb/volume')).toBe('volume');
    await expect(g.mountableSubvolume('/dev/sda')).rejects.toMatchObject({ code: 'EINVAL' });
  },
  async write(g) {
    await g.write('/made', 'small');
    await g.write('/large', Buffer.alloc(5 * MIB, 'x'));
    expect([await g.filesize('/made'), await g.filesize('/large')]).toEqual([5n, BigInt(5 * MIB)]);
  },
  async writeAppend(g) {
    await g.writeAppend('/made', '\r\nsecond\n');
    expect(await g.filesize('/made')).toBe(14n);
  },
  cat: async (g) => expect(await g.cat('/made')).toBe('small\r\nsecond\n'),
  readFile: async (g) => expect(await g.readFile('/made')).toEqual(Buffer.from('small\r\nsecond\n')),
  readLines: async (g) => expect(await g.readLines('/made')).toEqual(['small', 'second']),
  ls: async (g) => expect(await g.ls('/tree')).toEqual(['file', 'inner', 'link']),
  find: async (g) => expect(await g.find('/tree/')).toEqual(['file', 'inner', 'inner/deep', 'link']),
  async readdir(g) {
    const entries = (await g.readdir('/tree')).map(({ name, ftyp }) => `${ftyp} ${name}`);
    expect(entries.sort()).toEqual(['d .', 'd ..', 'd inner', 'l link', 'r file']);
  },
  stat: async (g) => expect((await g.stat('/tree/link')).size).toBe(4n),
  lstat: async (g) => expect((await g.lstat('/tree/link')).mode & 0o170000n).toBe(0o120000n),
  async lstatlist(g) {
    const list = await g.lstatlist('/tree', ['file', 'none']);
    expect(list.map(({ size, ino }) => [size, ino === -1n])).toEqual([
      [4n, false],
      [expect.anything(), true],
    ]);
  },
  async lstatnslist(g) {
    const names = Array.from({ length: 2345 }, (_, i) => (i % 2 === 0 ? 'file' : `none${i}`));
    const list = await g.lstatnslist('/tree', names);
    expect(list.map(({ stIno }) => stIno !== -1n)).toEqual(names.map((name) => name === 'file'));
  },
  async lxattrlist(g) {
    await g.lsetxattr('user.colour', 'blue', 4, '/tree/file');
    const list = await g.lxattrlist('/tree', ['file', 'inner']);
    expect(list.map(({ attrname, attrval }) => [attrname, attrval.toString()])).toEqual([
      ['', '1\0'],
      ['user.colour', 'blue'],
      ['', '0\0'],
    ]);
  },
  readlinklist: async (g) => expect(await g.readlinklist('/tree', ['link', 'file'])).toEqual(['file', '']),
  async copyIn(g) {
    await g.copyIn(at('local'), '/');
    expect([await g.cat('/local/file'), await g.readlink('/local/link')]).toEqual(['local', 'file']);
  },
  async copyOut(g) {
    await mkdir(at('out'));
    await g.copyOut('/local', at('out'));
    expect(await readFile(at('out/local/link'), 'utf8')).toBe('local');
  },
  async journalGet(g) {
    const binary = Buffer.from([0, 255, 61, 10]);
    const entries = [
      { realtime: 1_700_000_000_000_000n, fields: [['MESSAGE', 'Hello'] as const, ['BINARY', binary] as const] },
      { realtime: 1_700_000_001_000_000n, fields: [['MESSAGE', 'a=b=ü'] as const] },
    ];
    await g.mkdir('/journal');
    await g.write('/journal/system.journal', makeJournal(entries));
    await g.journalOpen('/journal');
    for (const { realtime, fields } of entries) {
      expect(await g.journalNext()).toBe(true);
      expect(await g.journalGetRealtimeUsec()).toBe(realtime);
      const got = (await g.journalGet()).map(({ attrname, attrval }) => [attrname, attrval]);
      expect(got).toEqual(fields.map(([name, value]) => [name, Buffer.from(value)]));
    }
    expect(await g.journalNext()).toBe(false);
    await g.journalClose();
  },
  async filesystemWalk(g) {
    const names = (await g.filesystemWalk('/dev/sda')).map(({ tskName }) => tskName);
    expect(names).toEqual(expect.arrayContaining(['tree', 'tree/file', 'tree/inner/deep']));
  },
  async findInode(g) {
    const { stIno } = await g.lstatns('/tree/file');
    expect((await g.findInode('/dev/sda', stIno)).map(({ tskName }) => tskName)).toContain('tree/file');
  },
  async yaraScan(g) {
    await g.yaraLoad(Buffer.from('rule Four { strings: $a = "four" condition: $a }'));
    const found = (await g.yaraScan('/tree/file')).map(({ yaraName, yaraRule }) => [yaraName, yaraRule]);
    expect(found).toEqual([['/tree/file', 'Four']]);
    await g.yaraDestroy();
  },
  inspectGetOsinfo: async (g) => expect(await g.inspectGetOsinfo('/dev/sda')).toBe('debian12'),
  inspectGetIcon: async (g) => expect(await g.inspectGetIcon('/dev/sda')).toEqual(Buffer.alloc(0)),
  async inspectListApplications2(g) {
    const list = await g.inspectListApplications2('/dev/sda');
    expect(list).toMatchObject([{ app2Name: 'bash', app2Version: '5.2', app2Release: '2', app2Arch: 'amd64' }]);
  },
  async inspectListApplications(g) {
    const list = await g.inspectListApplications('/dev/sda');
    expect(list).toMatchObject([{ appName: 'bash', appVersion: '5.2', appRelease: '2' }]);
  },
  async userCancel(g) {
    const endless = async function* (): AsyncGenerator<Buffer> {
      for (;;) {
        yield Buffer.alloc(1000);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const upload = g.upload(endless(), '/endless');
    setTimeout(() => g.userCancel(), 100);
    await expect(upload).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
    expect(await g.cat('/tree/file')).toBe('four');
  },
  async shutdown(g) {
    await g.shutdown();
    expect([g.isConfig(), drivesOf(g)]).toEqual([true, []]);
  },
  async killSubprocess(g) {
    await g.killSubprocess();
    expect(g.isConfig()).toBe(true);
  },
};

beforeAll(async () => {
  host = await mkdtemp(join(tmpdir(), 'guestfs-library-test-'));
  await writeFile(at('disk.img'), Buffer.alloc(MIB));
  await mkdir(at('local'));
  await writeFile(at('local/file'), 'local');
  await symlink('file', at('local/link'));
});
afterAll(() => rm(host, { recursive: true, force: true }));

it('every function that the library does by itself is checked here', () => {
  const names = Object.keys(signatures);
  expect(names).toHaveLength(116);
  expect([...Object.keys(withoutAppliance), ...Object.keys(withAppliance)].sort()).toEqual(names.sort());
});

describe('a function of the library, without an appliance', () => {
  it.each(Object.entries(withoutAppliance))('%s', async (_, check) => {
    await using g = new Guestfs({ environment: {} });
    await check(g);
  });
});

describe('a function of the library, with an appliance', () => {
  let g: Guestfs;

  beforeAll(async () => {
    g = new Guestfs({ environment: {} });
    for (const size of [256, 128, 64, 320]) g.addDriveScratch(size * MIB);
    const launching = g.launch();
    expect([g.isLaunching(), g.isReady(), g.isConfig(), g.getState()]).toEqual([true, false, false, 1]);
    await launching;
    expect([g.isLaunching(), g.isReady(), g.isConfig(), g.getState()]).toEqual([false, true, false, 2]);
    g.waitReady();
    await g.mkfs('ext4', '/dev/sda');
    await g.mkfs('btrfs', '/dev/sdb');
    await g.pvcreate('/dev/sdc');
    await g.vgcreate('vg', ['/dev/sdc']);
    await g.lvcreate('lv', 'vg', 32);
    await g.mount('/dev/sdb', '/');
    await g.btrfsSubvolumeCreate('/volume');
    await g.umount('/');
    await g.mount('/dev/sda', '/');
    for (const folder of ['/tree/inner', '/etc', '/bin', '/usr', '/home', '/root', '/var/lib/dpkg'])
      await g.mkdirP(folder);
    await g.write('/tree/file', 'four');
    await g.write('/tree/inner/deep', '');
    await g.lnS('file', '/tree/link');
    await g.write('/etc/debian_version', '12.5\n');
    await g.write('/etc/os-release', 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\n');
    await g.write('/etc/fstab', '/dev/sda / ext4 defaults 0 1\n');
    await g.write(
      '/var/lib/dpkg/status',
      'Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-2\n\n',
    );
    await g.sync();
    expect(await g.inspectOs()).toEqual(['/dev/sda']);
    await g.mount('/dev/sda', '/');
  });
  afterAll(() => g.close());

  it('asks in halves for attributes of which a message cannot hold all', async () => {
    await g.mkfs('xfs', '/dev/sdd');
    await g.mkdir('/attributes');
    await g.mount('/dev/sdd', '/attributes');
    const names = Array.from({ length: 120 }, (_, i) => `file${i}`);
    const value = (name: string): string => name.padEnd(60_000, '-');
    await Promise.all(names.map((name) => g.touch(`/attributes/${name}`)));
    await Promise.all(names.map((name) => g.lsetxattr('user.a', value(name), 60_000, `/attributes/${name}`)));
    const [list] = await Promise.all([g.lxattrlist('/attributes', names), g.rm('/attributes/file119')]);
    expect(list.map(({ attrname, attrval }) => [attrname, attrval.toString()])).toEqual(
      names.flatMap((name) => [
        ['', '1\0'],
        ['user.a', value(name)],
      ]),
    );
    await g.umount('/attributes');
  });

  it.each(Object.entries(withAppliance))('%s', async (_, check) => {
    await check(g);
  });
});
