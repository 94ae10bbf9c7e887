import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { directBackend } from '@guestfs/attach';
import type { DriveConfig, Session } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import { launchConfig, launchContext } from '../support/launch-settings.js';

// Under software emulation on a busy machine a boot may take minutes.
jest.setTimeout(900_000);

const SIZE = 1 << 20;
const HOSTILE = ['comma,x=y.img', 'nbd:x', 'json:{"driver":"null-co"}', '-drive', 'line\nbreak', '☃ é', `quote'".img`];
/** A file name that is not valid UTF-8, as fs and as this library write it. */
const BYTES = { onHost: Buffer.from([0x78, 0xff, 0x79]), name: 'x\udcffy' };

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'guestfs-launch-test-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A disk whose first bytes tell which one it is. */
async function disk(name: string | Buffer, mark: string): Promise<void> {
  const content = Buffer.alloc(SIZE, 0x5a);
  content.write(mark);
  await writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]), content);
}

async function hash(name: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(folder, name)))
    .digest('hex');
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 50));
}

describe('an appliance', () => {
  const seen = launchContext();
  let session: Session;
  let before: string;

  beforeAll(async () => {
    const drives: DriveConfig[] = [];
    for (const [i, name] of HOSTILE.entries()) {
      await disk(name, `disk ${i};`);
      drives.push({ file: join(folder, name), readonly: i % 2 === 0, format: 'raw' });
    }
    await disk(BYTES.onHost, `disk ${drives.length};`);
    drives.push({ file: `${folder}/${BYTES.name}`, readonly: false, format: 'raw' });
    await disk('wide', `disk ${drives.length};`);
    drives.push({ file: join(folder, 'wide'), readonly: true, format: 'raw', label: 'wide', blocksize: 4096 });
    before = await hash(HOSTILE[0]!);
    session = await directBackend().launch(launchConfig({ drives, sockdir: folder, verbose: true }), seen.context);
  });

  test('is up and reported every phase', () => {
    expect(seen.phases).toEqual(['start', 'applianceBuilt', 'kernelUp', 'initRunning', 'ready']);
  });

  test('answers', async () => {
    await session.connection.ping();
    const devices = await session.connection.call(procedures.listDevices);
    expect(devices).toEqual([...'abcdefghi'].map((letter) => `/dev/sd${letter}`));
  });

  test('has every disk in its place, whatever the name of its file', async () => {
    for (let i = 0; i < HOSTILE.length + 2; i++) {
      const start = await session.connection.call(procedures.preadDevice, [`/dev/sd${'abcdefghi'[i]}`, 7, 0n]);
      expect(start.toString()).toBe(`disk ${i};`);
    }
  });

  test('gives a disk its label and block size', async () => {
    expect(await session.connection.call(procedures.listDiskLabels)).toMatchObject({ wide: '/dev/sdi' });
    expect(await session.connection.call(procedures.blockdevGetss, ['/dev/sdi'])).toBe(4096);
  });

  test('showed its console', () => {
    expect(Buffer.concat(seen.console).toString()).toMatch(/Starting \/init script/);
  });

  test('writes to a disk that may be written, and only in the appliance to a read-only one', async () => {
    const { connection } = session;
    for (const device of ['/dev/sda', '/dev/sdb'])
      await connection.call(procedures.pwriteDevice, [device, Buffer.from('changed'), 512n]);
    await connection.call(procedures.sync);
    expect((await connection.call(procedures.preadDevice, ['/dev/sda', 7, 512n])).toString()).toBe('changed');
    expect((await readFile(join(folder, HOSTILE[1]!))).subarray(512, 519).toString()).toBe('changed');
    expect(await hash(HOSTILE[0]!)).toBe(before);
  });

  test('shares the disks it only reads, and says which of the others is in use', async () => {
    const file = join(folder, HOSTILE[1]!);
    const second = launchContext();
    const config = launchConfig({
      drives: [
        { file: join(folder, HOSTILE[0]!), readonly: true },
        { file, readonly: false, format: 'raw' },
      ],
      sockdir: folder,
    });
    await expect(directBackend().launch(config, second.context)).rejects.toMatchObject({
      code: 'ERR_GUESTFS_DRIVE',
      message: expect.stringContaining(`${JSON.stringify(file)} is in use`),
      hint: expect.stringContaining('readonly'),
    });
  });

  test('leaves no process, no folder and no changed read-only image behind', async () => {
    const pid = session.pid!;
    await session.shutdown();
    expect(await session.ended).toMatchObject({ expected: true });
    expect(alive(pid)).toBe(false);
    expect((await readdir(folder)).filter((name) => name.startsWith('guestfs-'))).toEqual([]);
    expect(await hash(HOSTILE[0]!)).toBe(before);
  });
});

describe('qemu and its folder go with the process', () => {
  const CHILD = `
    import { directBackend } from '@guestfs/attach';
    const [config, how] = [JSON.parse(process.argv[1]), process.argv[2]];
    const started = () => {
      console.log('started');
      if (how === 'exit') setTimeout(() => process.exit(5), 500);
      if (how === 'throw') setTimeout(() => { throw new Error('oops'); }, 500);
    };
    const context = { signal: new AbortController().signal, phase() {}, console() {}, warn() {}, progress() {},
      log(line) { if (line.startsWith('run ') && line.includes('virtserialport')) setTimeout(started, 500); } };
    await directBackend().launch(config, context);`;
  let sockdir: string;

  beforeAll(async () => void (sockdir = await mkdtemp(join(folder, 'child-'))));

  /** The qemus whose command lines name this test's folder. */
  async function qemus(): Promise<string[]> {
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
    return stdout.split('\n').filter((line) => line.includes(sockdir) && /^\S*qemu/.test(line));
  }

  test.each<[string, NodeJS.Signals | null]>([
    ['SIGKILL', 'SIGKILL'],
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGINT'],
    ['exit', null],
    ['throw', null],
  ])('after %s', async (how, signal) => {
    const config = launchConfig({ sockdir, backendSettings: ['force_tcg'] });
    const cwd = join(import.meta.dirname, '../../packages/attach');
    const child = spawn(process.execPath, ['--input-type=module', '--eval', CHILD, JSON.stringify(config), how], {
      cwd,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = new Promise<unknown>((resolve) => child.once('exit', (code, by) => resolve(by ?? code)));
    const started = new Promise<void>((resolve) => createInterface(child.stdout).once('line', () => resolve()));
    expect(await Promise.race([started.then(() => 'started'), ended])).toBe('started');
    if (signal !== null) {
      await until(async () => (await qemus()).length === 1);
      child.kill(signal);
    }
    expect(await ended).toBe(signal ?? (how === 'exit' ? 5 : 1));
    await until(async () => (await qemus()).length === 0);
    await until(async () => (await readdir(sockdir)).length === 0);
  });
});
