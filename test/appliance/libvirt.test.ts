import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, readdir, rm, writeFile, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Guestfs, type GuestfsError } from 'guestfs';
import { TestDriverHost } from '../native/libvirt/test-driver.js';
import { EndingPrograms } from '../support/ending-program.js';
import { relaunchInCatch } from '../support/relaunch.js';
import { libvirtMissing, startPrivateLibvirt, type PrivateLibvirt } from '../support/private-libvirt.js';
import { mountMissing, SmallFilesystem } from '../support/small-filesystem.js';

const missing = libvirtMissing();
const describeLibvirt = missing === null ? describe : describe.skip;
const testFull = mountMissing() === null ? test : test.skip;

describeLibvirt('the libvirt backend', () => {
  let libvirt: PrivateLibvirt;
  let folder: string;
  let small: SmallFilesystem | null = null;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'guestfs-libvirt-'));
    // Before libvirt has a view of the filesystems of its own.
    if (mountMissing() === null) small = new SmallFilesystem(64);
    libvirt = await startPrivateLibvirt();
  }, 120_000);
  afterAll(async () => {
    await libvirt[Symbol.asyncDispose]();
    await small?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  test('boots the appliance as a domain that goes with the handle', async () => {
    const image = join(folder, 'a, b & "c".img');
    const readonly = join(folder, 'ro.img');
    for (const path of [image, readonly]) {
      await writeFile(path, '');
      await truncate(path, 64 * 1024 * 1024);
    }
    await using g = new Guestfs();
    const console: Buffer[] = [];
    const phases: string[] = [];
    g.on('appliance', ({ buffer }) => console.push(Buffer.from(buffer)));
    g.setBackend(`libvirt:${libvirt.uri}`);
    g.addDrive(image, { format: 'raw', label: 'data' });
    g.addDrive(readonly, { readonly: true });
    for await (const { phase } of g.launch().progress()) phases.push(String(phase));
    expect(phases.at(-1)).toBe('ready');
    expect(await libvirt.domains()).toEqual([expect.stringMatching(/^guestfs-[0-9a-f]{16}$/)]);
    expect(Buffer.concat(console).length).toBeGreaterThan(0);

    expect(await g.listDevices()).toEqual(['/dev/sda', '/dev/sdb']);
    expect(await g.listDiskLabels()).toEqual({ data: '/dev/sda' });
    await g.mkfs('ext2', '/dev/sda');
    await g.mount('/dev/sda', '/');
    await g.write('/hello', 'by libvirt');
    expect(await g.cat('/hello')).toBe('by libvirt');
    await g.umountAll();
    await g.mkfs('ext2', '/dev/sdb');
    expect(await g.vfsType('/dev/sdb')).toBe('ext2');
    await g.shutdown();

    expect(await libvirt.domains()).toEqual([]);
    expect((await readdir(folder)).sort()).toEqual(['a, b & "c".img', 'ro.img']);
    const { open } = await import('node:fs/promises');
    const start = async (path: string): Promise<Buffer> => {
      const file = await open(path);
      const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0x438);
      await file.close();
      return buffer;
    };
    expect((await start(image)).toString('hex')).toBe('53ef');
    expect((await start(readonly)).toString('hex')).toBe('0000');
  }, 300_000);

  test.each([
    ['merely ends', ``, 0],
    ['calls process.exit', `process.exit(3);`, 3],
  ])(
    'a program that %s: what it wrote is on the disk, and its domain goes',
    async (_, then, code) => {
      await using programs = await EndingPrograms.make();
      const image = join(programs.folder, 'ends.img');
      await writeFile(image, '');
      await truncate(image, 64 * 1024 * 1024);
      const body = `
      const g = told(new Guestfs({ backend: ${JSON.stringify(`libvirt:${libvirt.uri}`)}, backendSettings: ['force_tcg'] }));
      g.addDrive(${JSON.stringify(image)}, { format: 'raw' });
      await g.launch();
      await g.mkfs('ext4', '/dev/sda');
      await g.mount('/dev/sda', '/');
      await g.write('/file', 'data');
      ${then}`;
      expect(await programs.run(body)).toMatchObject({ code, said: ['close event'] });
      // Where the program exits, libvirt sees a moment later that virsh is gone.
      while ((await libvirt.domains()).length > 0) await new Promise((resolve) => setTimeout(resolve, 100));
      expect(await programs.left()).toEqual([]);
      await using g = await Guestfs.open({ drives: [{ file: image, format: 'raw', readonly: true }] });
      await g.mountRo('/dev/sda', '/');
      expect(await g.cat('/file')).toBe('data');
    },
    300_000,
  );

  testFull(
    'a machine that stops is heard: for a full disk, and by somebody else',
    async () => {
      const image = join(small!.folder, 'writable.img');
      await writeFile(image, '');
      await truncate(image, 256 * 1024 * 1024);
      await using g = new Guestfs();
      g.setBackendSettings(['force_tcg']);
      const warnings: string[] = [];
      const warned = async (text: string): Promise<void> => {
        while (!warnings.some((warning) => warning.includes(text)))
          await new Promise((resolve) => setTimeout(resolve, 20));
      };
      g.on('warning', ({ text }) => warnings.push(text));
      g.setBackend(`libvirt:${libvirt.uri}`);
      g.addDrive(image, { format: 'raw' });
      await g.launch();
      const [domain = ''] = await libvirt.domains();
      await g.mkfs('ext4', '/dev/sda');
      await g.mount('/dev/sda', '/');
      await g.write('/large', Buffer.alloc(2 * 1024 * 1024, 'x'));
      await small!.fill();
      const error = await g.sync().then(
        () => null,
        (reason: GuestfsError) => reason,
      );
      expect(error).toMatchObject({
        code: 'ERR_GUESTFS_NO_SPACE',
        reason: `the host could not write to the drive ${JSON.stringify(image)} (/dev/sda): No space left on device; the appliance is paused`,
      });
      await small!.makeRoom();
      await g.sync();
      expect((await g.statns('/large')).stSize).toBe(2n * 1024n * 1024n);

      await libvirt.tell('suspend', domain);
      await warned('stopped from outside');
      const waiting = g.ls('/');
      await libvirt.tell('resume', domain);
      expect(await waiting).toEqual(['large', 'lost+found']);

      await g.write('/kept', 'content');
      warnings.length = 0;
      await libvirt.tell('suspend', domain);
      await warned('stopped from outside');
      await g.shutdown();
      expect(await libvirt.domains()).toEqual([]);

      g.addDrive(image, { format: 'raw' });
      await g.launch();
      await g.mount('/dev/sda', '/');
      expect(await g.cat('/kept')).toBe('content');
      const [again = ''] = await libvirt.domains();
      warnings.length = 0;
      await libvirt.tell('suspend', again);
      await warned('stopped from outside');
      const call = g.ls('/');
      call.catch(() => undefined);
      await libvirt.tell('destroy', again);
      const loss = await call.then(
        () => null,
        (reason: GuestfsError) => reason,
      );
      expect(loss).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
      expect(loss?.reason).toMatch(/from outside told qemu to end/);
    },
    300_000,
  );

  test('a lost machine is replaced where its call rejects', async () => {
    const image = join(folder, 'relaunch.img');
    await writeFile(image, '');
    await truncate(image, 64 * 1024 * 1024);
    const g = new Guestfs({ backend: `libvirt:${libvirt.uri}` });
    g.addDrive(image, { format: 'raw' });
    await g.launch();
    await g.mkfs('ext2', '/dev/sda');
    const [domain] = await libvirt.domains();
    await relaunchInCatch(g, image, () => void libvirt.tell('destroy', domain!));
    expect(await libvirt.domains()).toEqual([]);
  }, 300_000);

  test('a launch that is given up leaves no domain', async () => {
    await using g = new Guestfs();
    g.setBackend(`libvirt:${libvirt.uri}`);
    g.addDriveScratch(1024 * 1024);
    const controller = new AbortController();
    const launching = g.launch({ signal: controller.signal });
    launching.catch(() => undefined);
    while ((await libvirt.domains()).length === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    controller.abort(new Error('enough'));
    await expect(launching).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
    expect(await libvirt.domains()).toEqual([]);
    expect(g.isConfig()).toBe(true);
  }, 120_000);

  test('a launch asks for the password that libvirt asks for', async () => {
    await using host = await TestDriverHost.create(`<auth><user password="secret">bob</user></auth>`);
    await using g = new Guestfs();
    g.setBackend(`libvirt:${host.uri}`);
    g.addDriveScratch(1024 * 1024);
    await expect(g.launch()).rejects.toMatchObject({ code: 'ERR_GUESTFS_LIBVIRT_ACCESS' });
    g.addDriveScratch(1024 * 1024);
    g.setLibvirtSupportedCredentials(['username', 'passphrase']);
    const uris: string[] = [];
    g.on('libvirtAuth', ({ text }) => {
      uris.push(text);
      g.getLibvirtRequestedCredentials().forEach((type, index) => {
        g.setLibvirtRequestedCredential(index, type === 'username' ? 'bob' : 'secret');
      });
    });
    // The login is taken. Then the test driver, which runs no machines, refuses what it is to run.
    await expect(g.launch()).rejects.toMatchObject({ code: 'ERR_GUESTFS_LIBVIRT', log: expect.any(String) });
    expect(uris).toEqual([host.uri]);
  }, 120_000);

  test('what libvirt refuses is told as libvirt says it', async () => {
    await using g = new Guestfs();
    g.setBackend('libvirt:qemu+unix:///session?socket=/nowhere/sock');
    g.addDriveScratch(1024 * 1024);
    await expect(g.launch()).rejects.toMatchObject({
      code: 'ERR_GUESTFS_LIBVIRT',
      hint: expect.stringContaining('start it'),
    });
  });
});
