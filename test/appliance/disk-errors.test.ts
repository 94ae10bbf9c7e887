import { createHash } from 'node:crypto';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Guestfs, GuestfsError, type GuestfsOptions } from 'guestfs';
import { mountMissing, SmallFilesystem } from '../support/small-filesystem.js';

jest.setTimeout(600_000);

const MIB = 1024 * 1024;
const OPTIONS: GuestfsOptions = { backendSettings: ['force_tcg'], warm: false };

async function sparse(file: string, megabytes: number): Promise<string> {
  await writeFile(file, '');
  await truncate(file, megabytes * MIB);
  return file;
}

async function rejection(promise: PromiseLike<unknown>): Promise<GuestfsError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!GuestfsError.is(error)) throw new Error(`not rejected with a GuestfsError: ${String(error)}`);
  return error;
}

const describeFull = mountMissing() === null ? describe : describe.skip;

describeFull('a full disk of the host', () => {
  let small: SmallFilesystem;
  let tmp: SmallFilesystem;
  let g: Guestfs;
  const warnings: string[] = [];
  beforeAll(async () => {
    small = new SmallFilesystem(64);
    tmp = new SmallFilesystem(64);
    g = new Guestfs({ ...OPTIONS, tmpdir: tmp.folder });
    g.on('warning', ({ text }) => warnings.push(text));
    g.addDrive(await sparse(join(small.folder, 'writable.img'), 256), { format: 'raw' });
    g.addDrive(await sparse(join(small.folder, 'readonly.img'), 256), { format: 'raw', readonly: true });
    await g.launch();
  });
  afterAll(async () => {
    await g.close();
    for (const filesystem of [small, tmp]) await filesystem[Symbol.asyncDispose]();
  });

  test('fails every call at once until there is room, and then nothing is lost', async () => {
    await g.mkfs('ext4', '/dev/sda');
    await g.mount('/dev/sda', '/');
    const content = Buffer.alloc(2 * MIB, 'x');
    await g.write('/large', content);
    await small.fill();
    const error = await rejection(g.sync());
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_NO_SPACE', operation: 'sync' });
    expect(error.reason).toBe(
      `the host could not write to the drive "${small.folder}/writable.img" (/dev/sda): No space left on device; the appliance is paused`,
    );
    expect(error.hint).toContain(`df -h ${small.folder}`);
    const refused = await Promise.all([g.rmF('/large'), g.write('/later', 'y'), g.ls('/')].map(rejection));
    expect(refused.map(({ code }) => code)).toEqual(Array(3).fill('ERR_GUESTFS_NO_SPACE'));
    const upload = await rejection(g.upload(endless(), '/upload'));
    expect(upload.code).toBe('ERR_GUESTFS_NO_SPACE');
    expect(warnings.filter((text) => text.includes('writable.img'))).toHaveLength(1);

    await small.makeRoom();
    await g.sync();
    // The calls that were refused while the machine stood still were not made.
    expect(await g.ls('/')).toEqual(['large', 'lost+found']);
    expect(await g.checksum('md5', '/large')).toBe(createHash('md5').update(content).digest('hex'));
    await g.umountAll();
  });

  test('is told where an open call moves a file', async () => {
    await g.mount('/dev/sda', '/');
    await small.fill();
    const error = await rejection(g.upload(endless(), '/upload'));
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_NO_SPACE', operation: 'upload' });
    await small.makeRoom();
    expect(await g.ls('/')).toContain('large');
    await g.rmF('/upload');
    await g.umountAll();
  });

  test('is told for the overlay of a read-only drive, with its folder', async () => {
    await tmp.fill();
    const error = await rejection(g.mkfs('ext4', '/dev/sdb').then(() => g.sync()));
    expect(error.code).toBe('ERR_GUESTFS_NO_SPACE');
    expect(error.reason).toContain(`the overlay of the drive "${small.folder}/readonly.img" (/dev/sdb)`);
    expect(error.hint).toContain(`make room in ${tmp.folder}`);
    expect(error.hint).toContain('LIBGUESTFS_TMPDIR');
    await tmp.makeRoom();
    await g.mkfs('ext4', '/dev/sdb');
    expect(await g.vfsType('/dev/sdb')).toBe('ext4');
  });

  test('makes shutdown say that data is lost, and end', async () => {
    // Nothing of it is allocated, so that what is written needs room.
    await sparse(join(small.folder, 'writable.img'), 256);
    await g.dropCaches(3);
    await g.mkfs('ext4', '/dev/sda');
    await g.mount('/dev/sda', '/');
    await g.write('/lost', Buffer.alloc(2 * MIB, 'z'));
    await small.fill();
    expect((await rejection(g.shutdown())).code).toBe('ERR_GUESTFS_NO_SPACE');
    expect(g.isConfig()).toBe(true);
  });
});

async function* endless(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < 1000; i++) yield Buffer.alloc(MIB, i);
}

describe('a machine that somebody else stops', () => {
  let folder: string;
  let g: Guestfs;
  const warnings: string[] = [];
  const heard = async (text: string): Promise<void> => {
    while (!warnings.some((warning) => warning.includes(text))) await new Promise((resolve) => setTimeout(resolve, 20));
    warnings.length = 0;
  };
  let stop: () => Promise<void>;
  let tell: (command: string, args?: object) => Promise<void>;

  beforeAll(async () => {
    folder = await mkdtemp('/tmp/guestfs-stopped-');
  });
  beforeEach(async () => {
    g = new Guestfs(OPTIONS);
    g.on('warning', ({ text }) => warnings.push(text));
    const socket = join(folder, 'qmp');
    g.config('-qmp', `unix:${socket},server=on,wait=off`);
    g.addDrive(await sparse(join(folder, 'disk.img'), 64), { format: 'raw' });
    await g.launch();
    ({ tell, stop } = await talkToQemu(socket));
    await g.mkfs('ext4', '/dev/sda');
    await g.mount('/dev/sda', '/');
    await g.write('/kept', 'content');
    await tell('stop');
    await heard('stopped from outside (paused)');
  });
  afterEach(async () => {
    await stop();
    await g.close();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('is waited for, and goes on to be shut down in order', async () => {
    const waiting = g.cat('/kept');
    await tell('cont');
    expect(await waiting).toBe('content');
    await tell('stop');
    await heard('stopped from outside (paused)');
    await g.shutdown();
    expect(warnings).toEqual([]);
    const args = ['-R', 'cat /kept', join(folder, 'disk.img')];
    expect(execFileSync('/sbin/debugfs', args, { encoding: 'utf8', stdio: 'pipe' })).toBe('content');
  });

  test('and resets fails its calls with the reason', async () => {
    const waiting = rejection(g.cat('/kept'));
    await tell('set-action', { reboot: 'reset' });
    await tell('system_reset');
    expect(await waiting).toMatchObject({
      code: 'ERR_GUESTFS_CONNECTION_LOST',
      reason: expect.stringContaining('the machine was reset'),
    });
  });
});

/** Says to a qemu what its owner would not. */
async function talkToQemu(path: string) {
  const socket = createConnection(path);
  let text = '';
  socket.setEncoding('utf8').on('data', (part: string) => (text += part));
  // It may end before it answers.
  socket.on('error', () => undefined);
  const until = async (word: RegExp): Promise<void> => {
    while (!word.test(text) && !socket.closed) await new Promise((resolve) => setTimeout(resolve, 5));
    text = '';
  };
  const tell = async (command: string, args?: object): Promise<void> => {
    socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    await until(/"(return|error)":/);
  };
  await until(/"QMP"/);
  await tell('qmp_capabilities');
  const stop = async (): Promise<void> => {
    socket.destroy();
    if (!socket.closed) await once(socket, 'close');
  };
  return { tell, stop };
}

const QEMU_NBD = ['/usr/bin/qemu-nbd', '/usr/local/bin/qemu-nbd'].find((file) => existsSync(file));
const describeNbd = QEMU_NBD === undefined ? describe.skip : describe;

describeNbd('a disk of the host that fails', () => {
  let folder: string;
  const servers: ChildProcess[] = [];
  let g: Guestfs;
  const warnings: string[] = [];

  /** Serves a disk where operations of a kind fail, as `rule` says. */
  async function serve(name: string, rule: string): Promise<string> {
    const file = await sparse(join(folder, `${name}.img`), 64);
    const socket = join(folder, name);
    const image = `driver=raw,file.driver=blkdebug,file.image.driver=file,file.image.filename=${file},${rule}`;
    const server = spawn(QEMU_NBD!, ['-k', socket, '-t', '--image-opts', image], { stdio: 'ignore' });
    servers.push(server);
    while (!existsSync(socket)) {
      if (server.exitCode !== null) throw new Error('qemu-nbd ended');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return socket;
  }

  beforeAll(async () => {
    folder = await mkdtemp('/tmp/guestfs-nbd-');
    const error = 'file.inject-error.0';
    const writes = await serve('w', `${error}.event=write_aio,${error}.errno=5,${error}.once=on`);
    const reads = await serve('r', `${error}.event=read_aio,${error}.errno=5,${error}.sector=65536`);
    g = new Guestfs(OPTIONS);
    g.on('warning', ({ text }) => warnings.push(text));
    for (const socket of [writes, reads]) {
      g.addDrive('', { protocol: 'nbd', server: [`unix:${socket}`], format: 'raw' });
    }
    await g.launch();
  });
  afterAll(async () => {
    await g.close();
    for (const server of servers) {
      if (server.exitCode === null && server.kill()) await once(server, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  });

  test('fails the call that writes with EIO, and writes when it can', async () => {
    const error = await rejection(g.mkfs('ext4', '/dev/sda').then(() => g.sync()));
    expect(error.code).toBe('EIO');
    expect(error.errno).toBe(5);
    expect(error.reason).toContain('(/dev/sda): Input/output error');
    expect(error.hint).toContain('call again');
    await g.mkfs('ext4', '/dev/sda');
    await g.mount('/dev/sda', '/');
    await g.write('/file', 'content');
    await g.umountAll();
    await g.mount('/dev/sda', '/');
    expect(await g.cat('/file')).toBe('content');
    await g.umountAll();
  });

  test('fails the call that reads with EIO, and tells of the drive in a warning', async () => {
    // A hole would not be read.
    await g.pwriteDevice('/dev/sdb', Buffer.alloc(4096, 1), 65536 * 512);
    await g.sync();
    await g.dropCaches(3);
    const error = await rejection(g.preadDevice('/dev/sdb', 4096, 65536 * 512));
    expect(error.code).toBe('EIO');
    expect(warnings.filter((text) => text.includes('could not read from') && text.includes('/dev/sdb'))).toHaveLength(
      1,
    );
    expect((await g.preadDevice('/dev/sdb', 512, 0)).length).toBe(512);
  });
});
