import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  createArguments,
  createDisk,
  imageInfo,
  safeName,
  type CreateDiskOptions,
} from '../../../src/appliance/drives/qemu-img.js';

jest.setTimeout(60_000);

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'guestfs-test-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('createDisk', () => {
  test.each(['plain.img', 'nbd:x', 'json:{}', 'a,b=c', '-o', '☃ \n'])('creates a disk named %j', async (name) => {
    const path = join(folder, name);
    await createDisk({ path, format: 'qcow2', size: 1n << 20n });
    expect(await imageInfo(path)).toMatchObject({ format: 'qcow2', virtualSize: 1n << 20n, backingFile: null });
  });

  test('keeps sizes that a double would round', async () => {
    const path = join(folder, 'large.qcow2');
    const size = (1n << 53n) + 512n;
    await createDisk({ path, format: 'qcow2', size, clustersize: 2097152 });
    expect((await imageInfo(path)).virtualSize).toBe(size);
  });

  test('makes an overlay over a backing file of any name', async () => {
    const base = join(folder, 'base,x=y.img');
    await createDisk({ path: base, format: 'raw', size: 1 << 20, preallocation: 'full' });
    const path = join(folder, 'overlay');
    await createDisk({ path, format: 'qcow2', size: -1, backingfile: base, backingformat: 'raw' });
    expect(await imageInfo(path)).toMatchObject({
      virtualSize: 1n << 20n,
      backingFormat: 'raw',
      backingFile: expect.stringContaining('base,x=y.img'),
    });
  });

  // What guestfish's disk-create stores for the same names.
  test.each([
    ['sub/image', 'base'],
    ['sub/image', '../base'],
    ['sub/image', 'FOLDER/base'],
    ['link/image', 'base'],
    ['image', './nbd:x'],
    ['image', 'FOLDER/nbd:x'],
    ['image', 'a b,c=d'],
    ['image', '☃'],
    ['image,x=y', 'base'],
    ['nbd:image', 'base'],
    ['image', 'json:{"driver":"raw","file":{"driver":"file","filename":"FOLDER/base"}}'],
  ])('the image %j stores the backing file %j as it is given, and takes it from its own folder', async (name, file) => {
    await mkdir(join(folder, 'sub'));
    await symlink('sub', join(folder, 'link'));
    for (const each of ['base', 'sub/base', 'nbd:x', 'a b,c=d', '☃'])
      await createDisk({ path: join(folder, each), format: 'raw', size: 1 << 20 });
    const [path, backingfile] = [join(folder, name), file.replace('FOLDER', folder)];
    const expected = { virtualSize: 1n << 20n, backingFile: backingfile, backingFormat: 'raw' };
    await createDisk({ path, format: 'qcow2', size: -1n, backingfile, backingformat: 'raw' });
    expect(await imageInfo(path)).toMatchObject(expected);
    // Found out where it is not given.
    await createDisk({ path, format: 'qcow2', size: -1n, backingfile });
    expect(await imageInfo(path)).toMatchObject(expected);
  });

  test.each(['nbd:x', 'nosuchprotocol:x', 'missing', 'link/base'])(
    'refuses the backing file %j',
    async (backingfile) => {
      await writeFile(join(folder, 'nbd:x'), Buffer.alloc(512));
      const options = { path: join(folder, 'image'), format: 'qcow2', size: -1, backingfile } as const;
      await expect(createDisk({ ...options, backingformat: 'raw' })).rejects.toMatchObject({
        code: 'ERR_GUESTFS_DRIVE',
      });
      await expect(createDisk(options)).rejects.toMatchObject({ code: 'ERR_GUESTFS_DRIVE' });
    },
  );

  test.each(['', 'a\0b', '\udcff'])('refuses %j as the name of a backing file', async (backingfile) => {
    const options = { path: join(folder, 'image'), format: 'qcow2', size: -1, backingfile } as const;
    await expect(createDisk(options)).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
  });

  test('an overlay over a chain without an end is refused before qemu-img opens it', async () => {
    const loop = join(folder, 'loop');
    await createDisk({ path: loop, format: 'qcow2', size: 1 << 20 });
    await promisify(execFile)('qemu-img', ['rebase', '-u', '-b', 'loop', '-F', 'qcow2', loop]);
    for (const backingformat of ['qcow2', undefined]) {
      await expect(
        createDisk({ path: join(folder, 'over'), format: 'qcow2', size: -1, backingfile: 'loop', backingformat }),
      ).rejects.toThrow('has backing files without an end');
    }
    expect(await imageInfo(loop)).toMatchObject({ backingFile: 'loop' });
  });

  test.each<Partial<CreateDiskOptions>>([
    { size: 0 },
    { size: -5 },
    { format: 'vmdk' as 'raw' },
    { format: 'raw', compat: '1.1' },
    { format: 'raw', preallocation: 'metadata' },
    { compat: '2' },
    { clustersize: 1000 },
    { clustersize: 256 },
    { backingfile: '/x', size: 5 },
    { backingformat: 'a,b' },
    { path: 'a\0b' },
  ])('refuses %j', async (change) => {
    await expect(
      createDisk({ path: join(folder, 'x'), format: 'qcow2', size: 1 << 20, ...change }),
    ).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
  });

  test('says what went wrong with a folder that is not there', async () => {
    await expect(createDisk({ path: join(folder, 'no/x'), format: 'raw', size: 512 })).rejects.toMatchObject({
      code: 'ERR_GUESTFS_DRIVE',
      log: expect.stringContaining('No such file'),
    });
  });

  test('orders the arguments so that no name is taken for an option', () => {
    expect(
      createArguments({ path: '-f', format: 'qcow2', size: 512, compat: '1.1', preallocation: 'full' }, null),
    ).toEqual(['create', '-q', '-f', 'qcow2', '-o', 'preallocation=falloc,compat=1.1', '--', safeName('-f'), '512']);
  });
});

describe('imageInfo', () => {
  test('does not write the image', async () => {
    const path = join(folder, 'raw');
    await writeFile(path, Buffer.alloc(1 << 16, 7));
    const before = await stat(path, { bigint: true });
    expect(await imageInfo(path)).toMatchObject({ format: 'raw', virtualSize: 1n << 16n });
    expect((await stat(path, { bigint: true })).mtimeNs).toBe(before.mtimeNs);
    expect((await readFile(path)).equals(Buffer.alloc(1 << 16, 7))).toBe(true);
  });

  test('rejects for what is not there', async () => {
    await expect(imageInfo(join(folder, 'none'))).rejects.toMatchObject({ code: 'ERR_GUESTFS_DRIVE' });
  });
});
