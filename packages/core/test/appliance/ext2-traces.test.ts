import { execFile } from 'node:child_process';
import { chmod, copyFile, link, mkdir, mkdtemp, open, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { contentHash } from '../../src/appliance/cache/content-hash.js';
import { storeRoot, rootHash } from '../../src/appliance/warm/template/root.js';

const run = promisify(execFile);
const PATH = `${process.env['PATH']}:/usr/sbin:/sbin`;
jest.setTimeout(60_000);

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'guestfs-ext2-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A filesystem of several groups with some files in it, made at that time. */
async function image(name: string, time: number, content = 'content', type = 'ext2', size = 64): Promise<string> {
  const source = join(folder, `${name}.source`);
  await mkdir(join(source, 'sub'), { recursive: true });
  for (let i = 0; i < 20; i++) await writeFile(join(source, 'sub', `file${i}`), `${content} ${i}`.repeat(300));
  for (const each of ['sub/file0', 'sub', '.']) await utimes(join(source, each), time, time);
  const file = join(folder, name);
  await writeFile(file, '');
  await truncate(file, size << 20);
  // Small groups, so that there are several with copies of the superblock.
  await run('mke2fs', ['-q', '-t', type, '-b', '1024', '-g', '8192', '-d', source, file], {
    env: { ...process.env, PATH },
  });
  return file;
}

async function flip(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0]! ^= 1;
  await handle.write(byte, 0, 1, at);
  await handle.close();
}

test('two filesystems made of the same files differ, and have one hash', async () => {
  const [one, two] = [await image('one', 1_000_000_000), await image('two', 1_700_000_000)];
  expect(await contentHash(one)).not.toBe(await contentHash(two));
  expect(await rootHash(one)).toBe(await rootHash(two));
});

test('any other difference shows: in a file, a name, a mode, a size', async () => {
  const one = await image('one', 1_000_000_000);
  const hash = await rootHash(one);
  expect(await rootHash(await image('other content', 1_000_000_000, 'Content'))).not.toBe(hash);
  expect(await rootHash(await image('other size', 1_000_000_000, 'content', 'ext2', 65))).not.toBe(hash);
  const debugfs = async (command: string): Promise<string> => {
    const copy = join(folder, 'changed');
    await copyFile(one, copy);
    await run('debugfs', ['-w', '-R', command, copy], { env: { ...process.env, PATH } });
    return rootHash(copy);
  };
  expect(await debugfs('set_inode_field sub/file1 mode 0100600')).not.toBe(hash);
  expect(await debugfs('link sub/file1 sub/file99')).not.toBe(hash);
  expect(await debugfs('set_inode_field sub/file1 uid 7')).not.toBe(hash);
  // And these do not.
  expect(await debugfs('set_inode_field sub/file1 mtime 20200101')).toBe(hash);
  expect(await debugfs('set_super_value uuid random')).toBe(hash);
});

test('every bit of a file that is no ext2 counts, and of one with checksums', async () => {
  const other = join(folder, 'other');
  await writeFile(other, Buffer.alloc(100_000, 7));
  const four = await image('four', 1_000_000_000, 'content', 'ext4');
  for (const file of [other, four]) {
    const hash = await rootHash(file);
    expect(hash).toBe(await contentHash(file));
    await flip(file, 1024 + 0x68);
    expect(await rootHash(file)).not.toBe(hash);
  }
});

test('a superblock that lies is no reason to fail', async () => {
  const file = join(folder, 'lies');
  const block = Buffer.alloc(4096, 0xff);
  block.writeUInt16LE(0xef53, 1024 + 0x38);
  for (const [offset, value] of [
    [0x60, 2],
    [0x64, 1],
    [0x18, 0],
    [0x20, 1],
    [0x28, 0xffffffff],
    [0x4c, 0],
  ] as const)
    block.writeUInt32LE(value, 1024 + offset);
  await writeFile(file, block);
  expect(await rootHash(file)).toBe(await contentHash(file));
});

test('a template has the root by a link, or a copy with its holes where it cannot', async () => {
  const options = { signal: new AbortController().signal, log: () => undefined };
  const root = await image('root', 1_000_000_000);
  await chmod(root, 0o644);
  await storeRoot({ root, rootFormat: 'raw' }, join(folder, 'kept'), options);
  expect((await stat(join(folder, 'kept'))).ino).toBe((await stat(root)).ino);
  // What others can write is not linked, as is what belongs to others.
  await chmod(root, 0o666);
  await storeRoot({ root, rootFormat: 'raw' }, join(folder, 'copied'), options);
  const [from, to] = [await stat(root), await stat(join(folder, 'copied'))];
  expect(to.ino).not.toBe(from.ino);
  expect(to.mode & 0o777).toBe(0o600);
  expect(to.blocks).toBeLessThan(from.size / 512 / 2);
  expect(await contentHash(join(folder, 'copied'))).toBe(await contentHash(root));
  await link(root, join(folder, 'again'));
});
