import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, chmod, copyFile, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { Guestfs, type GuestfsOptions } from 'guestfs';
import { contentHash } from '../../../packages/core/src/launch/warm/content-hash.js';
import { host, launched, LONG, processesOf, SETTINGS, sparse, until, wasWarm } from './support.js';

jest.setTimeout(LONG ? 7_200_000 : 900_000);

const KILLS = LONG ? 20 : 3;
const PROGRAM = fileURLToPath(new URL('../../../packages/guestfs/bin/guestfs.js', import.meta.url));
const KEY = /^[0-9a-f]{32}$/;

let folder: string;
let cachedir: string;
let store: string;
let options: GuestfsOptions;
let disk: string;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-warm-faults-'));
  cachedir = join(folder, 'cache');
  await host('mkdir', cachedir, join(folder, 'tmp'));
  store = join(cachedir, `.guestfs-${process.geteuid?.()}`, 'warm');
  options = { ...SETTINGS, cachedir, environment: environment() };
  disk = await sparse(join(folder, 'disk'), 64);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await until(async () => (await processesOf(folder)).length === 0);
  await rm(folder, { recursive: true, force: true });
});

/** Everything temporary below the test's own folder, so that what is left behind is seen. */
function environment(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    TMPDIR: join(folder, 'tmp'),
    LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg',
    LIBGUESTFS_CACHEDIR: cachedir,
  };
}

const templates = async (): Promise<string[]> => (await readdir(store)).filter((name) => KEY.test(name));

/** Keeps the template away from a test that spoils it, and puts it back. */
async function pristine(): Promise<string> {
  const kept = join(folder, 'pristine');
  const [key] = await templates();
  await rm(kept, { recursive: true, force: true });
  await host('cp', '-a', '--sparse=always', join(store, key!), kept);
  return key!;
}
async function putBack(key: string): Promise<void> {
  await rm(join(store, key), { recursive: true, force: true });
  await host('cp', '-a', '--sparse=always', join(folder, 'pristine'), join(store, key));
}

/** Launches until the log tells which template is wanted, and gives up then. */
async function wantedTemplate(change: GuestfsOptions = {}): Promise<string> {
  const stop = new AbortController();
  const g = new Guestfs({ ...options, ...change });
  let wanted: string | undefined;
  g.on('library', ({ text }) => {
    wanted ??= /template ([0-9a-f]{32})/.exec(text)?.[1];
    if (wanted !== undefined) stop.abort();
  });
  await g.launch({ signal: stop.signal }).catch(() => undefined);
  await g.close();
  return wanted ?? 'none';
}

test('the first launch is cold and lean, a template is made in the background, and the second launch is warm', async () => {
  const first = await launched([[disk, { format: 'raw' }]], options);
  expect(wasWarm(first.log)).toBe(false);
  expect(first.log.join('\n')).toMatch(/warm start: there is no template [0-9a-f]{32} yet/);
  expect(await first.g.listDevices()).toEqual(['/dev/sda']);
  await until(async () => (await templates()).length === 1, 600_000);
  await first.g.close();
  const second = await launched([[disk, { format: 'raw' }]], options);
  expect(wasWarm(second.log)).toBe(true);
  await second.g.close();
});

test('warm: false, the backend setting and the environment turn it off', async () => {
  expect(await wantedTemplate()).toMatch(KEY);
  const off: GuestfsOptions[] = [{ warm: false }, { backendSettings: ['force_tcg', 'no_warm'] }];
  for (const change of off) {
    const stop = new AbortController();
    const g = new Guestfs({ ...options, ...change });
    const said: string[] = [];
    g.on('library', ({ text }) => {
      if (text.includes('warm start')) said.push(text.trim());
      if (text.includes('warm start')) stop.abort();
    });
    await g.launch({ signal: stop.signal }).catch(() => undefined);
    await g.close();
    expect(said[0]).toMatch(/warm start: not used/);
  }
});

test('another qemu, another kernel and another root each want another template', async () => {
  const wanted = new Set([await wantedTemplate()]);
  const real = (await host('sh', '-c', 'command -v qemu-system-x86_64 || command -v qemu-system-aarch64')).trim();
  const copy = join(folder, 'qemu-copy');
  await copyFile(real, copy);
  await chmod(copy, 0o755);
  wanted.add(await wantedTemplate({ hv: copy }));
  const appliance = join(cachedir, `.guestfs-${process.geteuid?.()}`, 'appliance.d');
  const fixed = join(folder, 'fixed');
  await host('cp', '-a', '--sparse=always', appliance, fixed);
  await writeFile(join(fixed, 'README.fixed'), '');
  wanted.add(await wantedTemplate({ path: fixed }));
  await appendFile(join(fixed, 'kernel'), '\0');
  wanted.add(await wantedTemplate({ path: fixed }));
  await host('debugfs', '-w', '-R', 'mkdir /another', join(fixed, 'root'));
  wanted.add(await wantedTemplate({ path: fixed }));
  expect([...wanted].every((key) => KEY.test(key))).toBe(true);
  expect(wanted.size).toBe(5);
});

test('a template with a flipped bit is not used and reported; the launch goes on cold', async () => {
  const key = await pristine();
  const ram = await open(join(store, key, 'ram'), 'r+');
  const byte = Buffer.alloc(1);
  await ram.read(byte, 0, 1, 16 * 1024 * 1024);
  byte[0]! ^= 0x10;
  await ram.write(byte, 0, 1, 16 * 1024 * 1024);
  await ram.close();
  const { g, log } = await launched([[disk, { format: 'raw' }]], options);
  expect(log.join('\n')).toContain(`warm start: the template ${key} was removed: its file ram was changed`);
  expect(wasWarm(log)).toBe(false);
  expect(await g.listDevices()).toEqual(['/dev/sda']);
  await g.close();
  expect(await templates()).toEqual([]);
  await putBack(key);
  const again = await launched([[disk, { format: 'raw' }]], options);
  expect(wasWarm(again.log)).toBe(true);
  await again.g.close();
});

test('a state that qemu refuses: the launch goes on cold by itself and the template is dropped', async () => {
  const key = await pristine();
  const state = join(store, key, 'state');
  const content = await readFile(state);
  content.fill(0xff, 0, 4096);
  await writeFile(state, content);
  const manifest = JSON.parse(await readFile(join(store, key, 'manifest.json'), 'utf8')) as {
    files: { state: { hash: string } };
  };
  manifest.files.state.hash = await contentHash(state);
  await writeFile(join(store, key, 'manifest.json'), JSON.stringify(manifest));
  const { g, log } = await launched([[disk, { format: 'raw' }]], options);
  expect(log.join('\n')).toContain('warm start: failed, going on cold');
  expect(log.join('\n')).toContain(`warm start: the template ${key} is removed`);
  expect(await g.listDevices()).toEqual(['/dev/sda']);
  await g.close();
  expect(await templates()).toEqual([]);
  await putBack(key);
});

test('a disk that qemu refuses is told as in a cold launch, and costs no template', async () => {
  const wrong = await sparse(join(folder, 'wrong'), 1);
  await expect(launched([[wrong, { format: 'qcow2' }]], options)).rejects.toThrow(
    'is not in the format that was given',
  );
  expect(await templates()).toHaveLength(1);
});

/** Starts a program in a process of its own. */
function start(args: string[]): ChildProcess {
  const child = spawn(process.execPath, args, { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Kills a process as it stands; waits until all that it started is gone, and looks for what is left. */
async function killAndLook(child: ChildProcess): Promise<void> {
  const sockets = (await processesOf(folder)).flatMap((line) =>
    [...line.matchAll(/path=([^, ]+\.sock)/g)].map((match) => match[1]!),
  );
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  await until(async () => (await processesOf(folder)).length === 0, 60_000);
  await until(() => sockets.every((socket) => !existsSync(dirname(socket))), 60_000);
  expect((await readdir(store)).filter((name) => name.includes('making'))).toEqual([]);
  expect((await readdir(join(folder, 'tmp'))).filter((name) => name.startsWith('guestfs-'))).toEqual([]);
}
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
});

test(`killed at ${KILLS} random points of restoring: nothing is left, and the next launch is warm`, async () => {
  const script = `
    import { Guestfs } from ${JSON.stringify(new URL('../../../packages/guestfs/dist/index.js', import.meta.url).href)};
    const g = new Guestfs();
    g.addDrive(${JSON.stringify(disk)}, { format: 'raw' });
    await g.launch();
    await g.listDevices();
    await g.close();`;
  for (let i = 0; i < KILLS; i += 1) {
    const child = start(['--input-type=module', '-e', script]);
    await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 2500));
    await killAndLook(child);
  }
  const { g, log } = await launched([[disk, { format: 'raw' }]], options);
  expect(wasWarm(log)).toBe(true);
  await g.close();
});

test(`killed at ${KILLS} random points of making a template: no part of one is left; then two that make it at once end with one`, async () => {
  await rm(join(store, (await templates())[0]!), { recursive: true });
  for (let i = 0; i < KILLS; i += 1) {
    const child = start([PROGRAM, 'warm', '--quiet']);
    await new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 25_000));
    await killAndLook(child);
    for (const key of await templates()) await rm(join(store, key), { recursive: true });
  }
  const said = await Promise.all([0, 1].map(async () => outputOf(start([PROGRAM, 'warm']))));
  expect(said.filter((text) => text.includes('Made the template'))).toHaveLength(1);
  expect(said.filter((text) => text.includes('is there already'))).toHaveLength(1);
  expect(await templates()).toHaveLength(1);
  const { g, log } = await launched([[disk, { format: 'raw' }]], options);
  expect(wasWarm(log)).toBe(true);
  await g.close();
});

async function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (bytes: Buffer) => (text += bytes.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  expect(status).toBe(0);
  return text;
}
