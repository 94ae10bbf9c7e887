import { execFileSync } from 'node:child_process';
import {
  chmod,
  lstat,
  link,
  mkdir,
  mkdtemp,
  open,
  readFile,
  readlink,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pack } from 'tar-stream';
import { packTree } from '../../src/archive/pack.js';
import { TargetFolder } from '../../src/archive/target-folder.js';
import { unpackTree } from '../../src/archive/unpack.js';
import { estimateArchive } from '../../src/archive/walk.js';

const NO_UTF8 = Buffer.from('caf\xe9-\xff', 'latin1');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-archive-'));
});
afterEach(async () => {
  // Folders without write permission are in the way of all but root.
  execFileSync('chmod', ['-R', 'u+rwx', folder]);
  await rm(folder, { recursive: true, force: true });
});

const bytes = (path: string) => Buffer.from(path);

/** A tree with one of everything that must survive. */
async function makeTree(): Promise<string> {
  const tree = join(folder, 'tree');
  await mkdir(join(tree, 'sub'), { recursive: true });
  await writeFile(join(tree, 'plain.txt'), 'plain');
  await writeFile(join(tree, 'empty'), '');
  await writeFile(join(tree, 'sub', 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  await link(join(tree, 'plain.txt'), join(tree, 'sub', 'second-name'));
  await symlink('../plain.txt', join(tree, 'sub', 'link'));
  await symlink('/etc/passwd', join(tree, 'absolute'));
  await writeFile(Buffer.concat([bytes(`${tree}/`), NO_UTF8]), 'eight bits');
  await writeFile(join(tree, `${'long-name-'.repeat(20)}.txt`), 'long');
  await symlink(`${'target-'.repeat(30)}ü`, join(tree, 'long-link'));
  const sparse = await open(join(tree, 'sparse'), 'w');
  await sparse.write('start', 0);
  await sparse.write('middle', 40 * 1024 * 1024 + 100);
  await sparse.truncate(64 * 1024 * 1024);
  await sparse.close();
  await chmod(join(tree, 'plain.txt'), 0o640);
  await utimes(join(tree, 'plain.txt'), 1_600_000_000.25, 1_600_000_000.123456);
  await chmod(join(tree, 'sub'), 0o500);
  await utimes(join(tree, 'sub'), 1_500_000_000, 1_500_000_000);
  return tree;
}

const pass = { warn: () => undefined };

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

async function* pieces(whole: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}

async function unpack(tar: Buffer, to: string, warnings: string[] = [], size = 8192): Promise<void> {
  await mkdir(to, { recursive: true });
  const target = new TargetFolder(bytes(to), 'copyOut');
  await unpackTree(pieces(tar, size), target, { operation: 'copyOut', warn: (line) => warnings.push(line) });
}

async function expectTree(tree: string): Promise<void> {
  expect(await readFile(join(tree, 'plain.txt'), 'utf8')).toBe('plain');
  const plain = await lstat(join(tree, 'plain.txt'));
  expect(plain.mode & 0o7777).toBe(0o640);
  expect(Math.floor(plain.mtimeMs)).toBe(1_600_000_000_123);
  expect((await lstat(join(tree, 'sub', 'second-name'))).ino).toBe(plain.ino);
  expect(await readlink(join(tree, 'sub', 'link'))).toBe('../plain.txt');
  expect(await readlink(join(tree, 'absolute'))).toBe('/etc/passwd');
  expect(await readlink(join(tree, 'long-link'))).toBe(`${'target-'.repeat(30)}ü`);
  expect(await readFile(Buffer.concat([bytes(`${tree}/`), NO_UTF8]), 'utf8')).toBe('eight bits');
  expect(await readFile(join(tree, `${'long-name-'.repeat(20)}.txt`), 'utf8')).toBe('long');
  expect((await lstat(join(tree, 'sub', 'run.sh'))).mode & 0o7777).toBe(0o755);
  const sub = await lstat(join(tree, 'sub'));
  expect(sub.mode & 0o7777).toBe(0o500);
  expect(sub.mtimeMs).toBe(1_500_000_000_000);
  const sparse = await lstat(join(tree, 'sparse'));
  expect(sparse.size).toBe(64 * 1024 * 1024);
  expect(sparse.blocks * 512).toBeLessThan(1024 * 1024);
  const content = await readFile(join(tree, 'sparse'));
  expect(content.toString('utf8', 0, 5)).toBe('start');
  expect(content.toString('utf8', 40 * 1024 * 1024 + 100, 40 * 1024 * 1024 + 106)).toBe('middle');
}

describe('packTree', () => {
  it('makes an archive from which GNU tar restores everything', async () => {
    const tree = await makeTree();
    const tar = await collect(packTree(bytes(tree), bytes('tree'), pass));
    expect(tar.length).toBeLessThan(1024 * 1024);
    await writeFile(join(folder, 'tree.tar'), tar);
    await mkdir(join(folder, 'out'));
    execFileSync('tar', ['-C', join(folder, 'out'), '-xpf', join(folder, 'tree.tar')], {
      env: { ...process.env, LC_ALL: 'C' },
    });
    await expectTree(join(folder, 'out', 'tree'));
  });

  it('keeps owners beyond what a header can hold', async () => {
    const tree = await makeTree();
    if (process.getuid?.() === 0) execFileSync('chown', ['4000000000:3999999999', join(tree, 'plain.txt')]);
    const { uid, gid } = await lstat(join(tree, 'plain.txt'));
    await writeFile(join(folder, 'tree.tar'), await collect(packTree(bytes(tree), bytes('tree'), pass)));
    const listing = execFileSync('tar', ['--numeric-owner', '-tvf', join(folder, 'tree.tar')], { encoding: 'utf8' });
    expect(listing).toMatch(new RegExp(`${uid}/${gid} .* tree/plain.txt`));
  });

  it('is about as long as was estimated', async () => {
    const tree = join(folder, 'plain');
    await mkdir(tree);
    for (let i = 0; i < 40; i++) await writeFile(join(tree, String(i)), Buffer.alloc(i * 1000, 1));
    const tar = await collect(packTree(bytes(tree), bytes('plain'), pass));
    const estimate = Number(await estimateArchive(bytes(tree), new AbortController().signal));
    expect(Math.abs(tar.length - estimate) / tar.length).toBeLessThan(0.05);
  });

  it('fails with the errno for what is not there, and with a code of its own for a file that shrinks', async () => {
    await expect(collect(packTree(bytes(join(folder, 'none')), bytes('none'), pass))).rejects.toMatchObject({
      code: 'ENOENT',
    });
    const file = join(folder, 'shrinks');
    await writeFile(file, Buffer.alloc(4 * 1024 * 1024, 1));
    const packing = packTree(bytes(file), bytes('shrinks'), pass);
    await packing.next();
    await truncate(file, 0);
    await expect(collect(packing)).rejects.toMatchObject({ code: 'ERR_GUESTFS_TRANSFER' });
  });

  it('closes its files when it is given up', async () => {
    const file = join(folder, 'big');
    await writeFile(file, Buffer.alloc(8 * 1024 * 1024, 1));
    for await (const chunk of packTree(bytes(file), bytes('big'), pass)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    const open = execFileSync('sh', ['-c', `readlink /proc/${process.pid}/fd/* || true`], { encoding: 'utf8' });
    expect(open).not.toContain(file);
  });
});

describe('unpackTree', () => {
  it('restores what GNU tar packed in the form that the daemon uses', async () => {
    const tree = await makeTree();
    const tar = execFileSync('tar', ['-C', tree, '-cf', '-', '.'], { maxBuffer: 1 << 28 });
    await unpack(tar, join(folder, 'out'));
    // That form has whole seconds.
    await utimes(join(folder, 'out', 'plain.txt'), 1_600_000_000.25, 1_600_000_000.123456);
    await expectTree(join(folder, 'out'));
  });

  it('replaces files and links, and fills folders that exist', async () => {
    const tree = await makeTree();
    const tar = execFileSync('tar', ['-C', tree, '-cf', '-', '.'], { maxBuffer: 1 << 28 });
    const out = join(folder, 'out');
    await mkdir(join(out, 'sub'), { recursive: true });
    await writeFile(join(out, 'plain.txt'), 'old');
    await symlink('plain.txt', join(out, 'empty'));
    await writeFile(join(out, 'sub', 'link'), 'a file before');
    await unpack(tar, out, [], 1000);
    expect(await readFile(join(out, 'plain.txt'), 'utf8')).toBe('plain');
    expect((await lstat(join(out, 'empty'))).isFile()).toBe(true);
    expect(await readlink(join(out, 'sub', 'link'))).toBe('../plain.txt');
    // The folder was given the mode 0500, which keeps all but root from replacing what is in it.
    await chmod(join(out, 'sub'), 0o700);
    await unpack(tar, out);
    expect((await lstat(join(out, 'sub', 'second-name'))).ino).toBe((await lstat(join(out, 'plain.txt'))).ino);
    expect(execFileSync('ls', ['-A', out], { encoding: 'utf8' })).not.toContain('.guestfs-');
  });

  const hostile: [string, (p: ReturnType<typeof pack>) => void][] = [
    ['a name with ..', (p) => p.entry({ name: '../outside' }, 'bad')],
    ['a name with .. in the middle', (p) => p.entry({ name: 'a/../../outside' }, 'bad')],
    ['an absolute name', (p) => p.entry({ name: '/tmp/guestfs-outside' }, 'bad')],
    [
      'a file below a symbolic link',
      (p) => {
        p.entry({ name: 'door', type: 'symlink', linkname: '..' });
        p.entry({ name: 'door/outside' }, 'bad');
      },
    ],
    [
      'a folder in the place of a symbolic link',
      (p) => {
        p.entry({ name: 'door', type: 'symlink', linkname: '..' });
        p.entry({ name: 'door', type: 'directory' });
      },
    ],
    ['a hard link to a name with ..', (p) => p.entry({ name: 'outside', type: 'link', linkname: '../secret' })],
    ['a hard link to an absolute name', (p) => p.entry({ name: 'outside', type: 'link', linkname: '/etc/passwd' })],
    [
      'a hard link through a symbolic link',
      (p) => {
        p.entry({ name: 'door', type: 'symlink', linkname: '..' });
        p.entry({ name: 'outside', type: 'link', linkname: 'door/secret' });
      },
    ],
    ['a name with .. in a pax header', (p) => p.entry({ name: 'fine', pax: { path: '../outside' } }, 'bad')],
  ];

  it.each(hostile)('refuses %s', async (_, make) => {
    await writeFile(join(folder, 'secret'), 'secret');
    const archive = pack();
    make(archive);
    archive.finalize();
    const tar = await collect(archive as unknown as AsyncIterable<Buffer>);
    await expect(unpack(tar, join(folder, 'out'))).rejects.toMatchObject({ code: 'ERR_GUESTFS_UNSAFE_PATH' });
    await expect(lstat(join(folder, 'outside'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(lstat(join(folder, 'out', 'outside'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readFile(join(folder, 'secret'), 'utf8')).toBe('secret');
  });

  it('writes a file over a symbolic link in its own place, not where the link leads', async () => {
    await writeFile(join(folder, 'secret'), 'secret');
    const archive = pack();
    archive.entry({ name: 'door', type: 'symlink', linkname: '../secret' });
    archive.entry({ name: 'door' }, 'new');
    archive.finalize();
    await unpack(await collect(archive as unknown as AsyncIterable<Buffer>), join(folder, 'out'));
    expect(await readFile(join(folder, 'secret'), 'utf8')).toBe('secret');
    expect(await readFile(join(folder, 'out', 'door'), 'utf8')).toBe('new');
  });

  it('leaves devices and FIFOs out and says so', async () => {
    const archive = pack();
    archive.entry({ name: 'disk', type: 'block-device', devmajor: 8, devminor: 0 });
    archive.entry({ name: 'pipe', type: 'fifo' });
    archive.entry({ name: 'file' }, 'kept');
    archive.finalize();
    const warnings: string[] = [];
    await unpack(await collect(archive as unknown as AsyncIterable<Buffer>), join(folder, 'out'), warnings);
    expect(warnings).toEqual(['disk is a block device and was not copied', 'pipe is a fifo and was not copied']);
    expect(await readFile(join(folder, 'out', 'file'), 'utf8')).toBe('kept');
  });

  it('rejects an archive that breaks off or is none, and keeps the file that was there', async () => {
    const archive = pack();
    archive.entry({ name: 'file' }, Buffer.alloc(100_000, 'x'));
    archive.finalize();
    const tar = await collect(archive as unknown as AsyncIterable<Buffer>);
    const out = join(folder, 'out');
    await mkdir(out);
    await writeFile(join(out, 'file'), 'old');
    await expect(unpack(tar.subarray(0, 50_000), out)).rejects.toMatchObject({ code: 'ERR_GUESTFS_PROTOCOL' });
    expect(await readFile(join(out, 'file'), 'utf8')).toBe('old');
    await expect(unpack(Buffer.alloc(2048, 'z'), out)).rejects.toMatchObject({ code: 'ERR_GUESTFS_PROTOCOL' });
  });

  it("rejects with the source's own error", async () => {
    const tree = await makeTree();
    const tar = execFileSync('tar', ['-C', tree, '-cf', '-', '.'], { maxBuffer: 1 << 28 });
    async function* failing(): AsyncGenerator<Buffer> {
      yield* pieces(tar.subarray(0, 200_000), 8192);
      throw new Error('the line broke');
    }
    await mkdir(join(folder, 'out'));
    const target = new TargetFolder(bytes(join(folder, 'out')), 'copyOut');
    const unpacking = unpackTree(failing(), target, { operation: 'copyOut', warn: () => undefined });
    await expect(unpacking).rejects.toThrow('the line broke');
  });
});
