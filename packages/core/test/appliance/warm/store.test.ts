import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  cp,
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeManifest } from '../../../src/appliance/warm/template/check.js';
import { DEFAULT_LIMITS, TemplateStore } from '../../../src/appliance/warm/template/store.js';

const KEY = 'a'.repeat(32);
const OTHER = 'b'.repeat(32);

let cachedir: string;
let folder: string;
let store: TemplateStore;

beforeEach(async () => {
  cachedir = await mkdtemp(join(tmpdir(), 'guestfs-store-'));
  store = await TemplateStore.open(cachedir);
  folder = join(cachedir, `.guestfs-${process.geteuid?.()}`, 'warm');
});
afterEach(() => rm(cachedir, { recursive: true, force: true }));

async function fill(staging: string, key: string): Promise<void> {
  await writeFile(join(staging, 'ram'), Buffer.alloc(300_000, 7), { mode: 0o600 });
  await writeFile(join(staging, 'state'), 'state', { mode: 0o600 });
  await writeFile(join(staging, 'root.qcow2'), 'overlay', { mode: 0o600 });
  await writeFile(join(staging, 'root'), 'root', { mode: 0o600 });
  await writeManifest(staging, { key, created: '2026-01-01T00:00:00Z', qemu: 'QEMU 7.2' });
}

async function make(key = KEY): Promise<string> {
  const staging = await store.stage(key);
  if (staging === null) throw new Error('staged elsewhere');
  await fill(staging, key);
  return (await store.publish(staging, key)).folder;
}

async function flipBit(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0]! ^= 1;
  await handle.write(byte, 0, 1, at);
  await handle.close();
}

test('a template is missing until it is published, and ready then', async () => {
  expect(await store.find(KEY)).toEqual({ kind: 'missing' });
  const made = await make();
  expect(await store.find(KEY)).toEqual({
    kind: 'ready',
    template: { key: KEY, folder: made, identity: expect.any(String) },
  });
  expect(await store.find(OTHER)).toEqual({ kind: 'missing' });
});

test.each(['ram', 'state', 'root.qcow2', 'root'])(
  'one flipped bit in %s: found, removed, also with its times set back',
  async (name) => {
    const file = join(await make(), name);
    const { atime, mtime } = await stat(file);
    await flipBit(file, 3);
    await utimes(file, atime, mtime);
    expect(await store.find(KEY)).toEqual({ kind: 'damaged', problem: `its file ${name} was changed` });
    expect(await store.find(KEY)).toEqual({ kind: 'missing' });
    expect(await readdir(folder)).not.toContain(KEY);
  },
);

test.each(['ram', 'state', 'root.qcow2'])('%s cut short: found and removed', async (name) => {
  await truncate(join(await make(), name), 4);
  expect(await store.find(KEY)).toMatchObject({
    kind: 'damaged',
    problem: expect.stringContaining('has 4 bytes instead of'),
  });
  expect(await store.find(KEY)).toEqual({ kind: 'missing' });
});

test('a file that is missing, and a manifest that is no JSON or of another template', async () => {
  await rm(join(await make(), 'state'));
  expect(await store.find(KEY)).toEqual({ kind: 'damaged', problem: 'its file state is missing' });
  const made = await make();
  await writeFile(join(made, 'manifest.json'), '{"format":1');
  expect(await store.find(KEY)).toEqual({ kind: 'damaged', problem: 'its manifest is damaged' });
  await rename(await make(OTHER), join(folder, KEY));
  expect(await store.find(KEY)).toEqual({ kind: 'damaged', problem: 'its manifest is damaged' });
});

test('a symbolic link in place of a file, and a folder that others can enter', async () => {
  const made = await make();
  await rename(join(made, 'ram'), join(folder, 'elsewhere'));
  await symlink(join(folder, 'elsewhere'), join(made, 'ram'));
  expect(await store.find(KEY)).toEqual({ kind: 'damaged', problem: 'its file ram is not a file' });
  await chmod(await make(), 0o755);
  expect(await store.find(KEY)).toEqual({ kind: 'damaged', problem: 'its directory is open to other users' });
});

const asRoot = process.geteuid?.() === 0 ? test : test.skip;

asRoot('a template, one of its files, or the whole store of another owner is not used', async () => {
  await chown(await make(), 1234, 1234);
  expect(await store.find(KEY)).toEqual({ kind: 'damaged', problem: 'its directory belongs to user 1234, not to 0' });
  await chown(join(await make(), 'ram'), 1234, 1234);
  expect(await store.find(KEY)).toEqual({ kind: 'damaged', problem: 'its file ram belongs to user 1234, not to 0' });
  await chown(folder, 1234, 1234);
  await expect(TemplateStore.open(cachedir)).rejects.toMatchObject({ code: 'ERR_GUESTFS_UNSAFE_PATH' });
});

test('the store refuses a folder that others can write, and a link', async () => {
  await chmod(folder, 0o777);
  await expect(TemplateStore.open(cachedir)).rejects.toMatchObject({ code: 'ERR_GUESTFS_UNSAFE_PATH' });
  await rename(folder, `${folder}-away`);
  await symlink(`${folder}-away`, folder);
  await expect(TemplateStore.open(cachedir)).rejects.toMatchObject({ code: 'ERR_GUESTFS_UNSAFE_PATH' });
});

test('a copied folder has the same content: used, and sealed anew', async () => {
  const made = await make();
  await cp(made, `${made}-copy`, { recursive: true });
  await chmod(`${made}-copy`, 0o700);
  await rm(made, { recursive: true });
  await rename(`${made}-copy`, made);
  const before = await readFile(join(made, 'seal.json'), 'utf8');
  expect(await store.find(KEY)).toMatchObject({ kind: 'ready' });
  expect(await readFile(join(made, 'seal.json'), 'utf8')).not.toBe(before);
});

test('after the host booted again, content that rotted without a write is found', async () => {
  const made = await make();
  const seal = JSON.parse(await readFile(join(made, 'seal.json'), 'utf8')) as { boot: string };
  await writeFile(join(made, 'seal.json'), JSON.stringify({ ...seal, boot: 'an earlier one' }));
  // Rot changes no time: stood in for by a manifest that expects other content.
  const manifest = (await readFile(join(made, 'manifest.json'), 'utf8')).replace(/"hash":"./, '"hash":"x');
  await writeFile(join(made, 'manifest.json'), manifest);
  expect(await store.find(KEY)).toEqual({ kind: 'damaged', problem: 'its file ram was changed' });
});

test('of those that begin at once, exactly one makes the template', async () => {
  const staged = await Promise.all(Array.from({ length: 8 }, () => store.stage(KEY)));
  expect(staged.filter((path) => path !== null)).toHaveLength(1);
  expect(await store.isBeingMade(KEY)).toBe(true);
  expect(await store.isBeingMade(OTHER)).toBe(false);
  expect(await store.stage(OTHER)).not.toBeNull();
});

test.each(['00000000', 'ffffffff'])('who comes later gives way, whatever the names are (%s)', async (name) => {
  const start = (await readFile(`/proc/${process.pid}/stat`, 'latin1')).split(') ')[1]!.split(' ')[19];
  await mkdir(join(folder, `${KEY}.making.${process.pid}.${start}.${name}`));
  expect(await store.stage(KEY)).toBeNull();
  expect(await readdir(folder)).toHaveLength(1);
});

test('publishing over a template that is there keeps that one', async () => {
  const first = await make();
  const { ino } = await stat(join(first, 'ram'));
  const staging = join(folder, 'late');
  await mkdir(staging, { mode: 0o700 });
  await fill(staging, KEY);
  await store.publish(staging, KEY);
  expect((await stat(join(first, 'ram'))).ino).toBe(ino);
  expect(await readdir(folder)).not.toContain('late');
});

test('what a dead process left is removed by the next that looks', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  const left = join(folder, `${KEY}.making.${child.pid}.12345.00000000`);
  await mkdir(left);
  await writeFile(join(left, 'ram'), 'half');
  // A pid that lives, but began at another time, is another process.
  const reused = join(folder, `${OTHER}.making.${process.pid}.1.00000000`);
  await mkdir(reused);
  expect(await store.isBeingMade(KEY)).toBe(false);
  expect((await readdir(folder)).filter((name) => name.includes('making'))).toEqual([]);
});

describe('pruning', () => {
  const keys = ['1', '2', '3'].map((digit) => digit.repeat(32));

  async function makeAll(): Promise<void> {
    for (const [index, key] of keys.entries()) {
      const made = await make(key);
      const used = new Date(Date.now() - (keys.length - index) * 3_600_000);
      await utimes(join(made, 'manifest.json'), used, used);
    }
  }
  const there = async (): Promise<string[]> => (await readdir(folder)).filter((name) => keys.includes(name)).sort();

  test('removes the least used first until the size fits', async () => {
    await makeAll();
    const limited = await TemplateStore.open(cachedir, { ...DEFAULT_LIMITS, size: 700_000 });
    await limited.prune();
    expect(await there()).toEqual(keys.slice(1));
  });

  test('removes what was not used for long, but never the one that is kept', async () => {
    await makeAll();
    const limited = await TemplateStore.open(cachedir, { ...DEFAULT_LIMITS, age: 5_400_000 });
    await limited.prune(keys[0]);
    expect(await there()).toEqual([keys[0], keys[2]]);
  });

  test('comes with a use after a while', async () => {
    const month = 31 * 24 * 60 * 60 * 1000;
    for (const [key, age] of [[KEY, 2 * 60 * 60 * 1000] as const, [OTHER, month] as const]) {
      const used = new Date(Date.now() - age);
      await utimes(join(await make(key), 'manifest.json'), used, used);
    }
    expect(await store.find(KEY)).toMatchObject({ kind: 'ready' });
    expect(await store.find(OTHER)).toEqual({ kind: 'missing' });
  });

  test('never removes what a launch has just turned to, whatever the limits', async () => {
    await makeAll();
    const none = await TemplateStore.open(cachedir, { size: 0, age: 0 });
    await store.find(keys[0]!);
    await none.prune();
    expect(await there()).toEqual([keys[0]]);
  });

  test('puts back what a launch turns to while it is removed', async () => {
    const none = await TemplateStore.open(cachedir, { size: 0, age: 0 });
    const month = new Date(Date.now() - 31 * 24 * 60 * 60 * 1000);
    for (let round = 0; round < 50; round++) {
      const made = await make();
      await utimes(join(made, 'manifest.json'), month, month);
      const [found] = await Promise.all([store.find(KEY), none.prune()]);
      if (found.kind === 'ready') expect(await store.holds(found.template)).toBe(true);
      await rm(made, { recursive: true, force: true });
    }
  });

  test('leaves alone what another process has moved away and may put back', async () => {
    const made = await make();
    await rename(made, join(folder, 'trash.1.0011'));
    await store.prune();
    expect(await readdir(folder)).toContain('trash.1.0011');
  });

  test('a template that was made anew is another, though its name is the same', async () => {
    await make();
    const found = await store.find(KEY);
    if (found.kind !== 'ready') throw new Error('not there');
    expect(await store.holds(found.template)).toBe(true);
    await store.drop(KEY);
    expect(await store.holds(found.template)).toBe(false);
    await make();
    expect([await store.holds(found.template), await store.has(KEY)]).toEqual([false, true]);
  });

  test('counts no room that the appliance takes in any case', async () => {
    await makeAll();
    for (const key of keys) {
      const root = join(folder, key, 'root');
      await writeFile(root, Buffer.alloc(1_000_000, 1));
      await link(root, join(cachedir, `root-${key}`));
    }
    await (await TemplateStore.open(cachedir, { ...DEFAULT_LIMITS, size: 1_500_000 })).prune();
    expect(await there()).toEqual(keys);
    for (const key of keys) await rm(join(cachedir, `root-${key}`));
    await (await TemplateStore.open(cachedir, { ...DEFAULT_LIMITS, size: 1_500_000 })).prune();
    expect(await there()).toEqual(keys.slice(2));
  });

  test('removes what an interrupted removal left', async () => {
    await mkdir(join(folder, 'trash.0011'));
    await store.prune();
    expect(await readdir(folder)).not.toContain('trash.0011');
  });
});
