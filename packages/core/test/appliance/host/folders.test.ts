import { chmod, chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { folderHint } from '../../../src/appliance/host/folder-roles.js';
import {
  checkTemporaryFolder,
  makePrivateFolder,
  makeSocketFolder,
  openCacheFolder,
  socketFolderFault,
} from '../../../src/appliance/host/folders.js';

let folder: string;
const root = process.getuid?.() === 0;

beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'guestfs-folders-'))));
afterEach(() => rm(folder, { recursive: true }));

describe('a folder for sockets', () => {
  const made = async (sockdir: string): Promise<string> => {
    const own = makeSocketFolder(sockdir);
    expect((await stat(own)).mode & 0o777).toBe(0o700);
    await rm(own, { recursive: true });
    return dirname(own);
  };

  test('is in the one that is set', async () => {
    expect(socketFolderFault(folder)).toBeNull();
    expect(await made(folder)).toBe(folder);
    expect(socketFolderFault('/tmp')).toBeNull();
  });

  test('is in /tmp where that is not there or is no folder', async () => {
    expect(socketFolderFault(join(folder, 'none'))).toBe('does not exist');
    expect(await made(join(folder, 'none'))).toBe('/tmp');
    await writeFile(join(folder, 'file'), '');
    expect(socketFolderFault(join(folder, 'file'))).toBe('is not a directory');
    expect(await made(join(folder, 'file'))).toBe('/tmp');
  });

  (root ? test : test.skip)('is in /tmp where that is another user’s, whatever its mode', async () => {
    await chown(folder, 65534, 65534);
    await chmod(folder, 0o1777);
    expect(socketFolderFault(folder)).toBe('belongs to user 65534');
    expect(await made(folder)).toBe('/tmp');
  });

  (root ? test.skip : test)('is in /tmp where that cannot be written', async () => {
    await chmod(folder, 0o500);
    expect(socketFolderFault(folder)).toMatch(/^cannot be used \(EACCES\)$/);
    expect(await made(folder)).toBe('/tmp');
    expect(socketFolderFault('/root')).toMatch(/belongs to user 0|cannot be used/);
  });
});

describe('folders that cannot be used', () => {
  test('are refused before anything starts', async () => {
    await expect(checkTemporaryFolder(folder)).resolves.toBeUndefined();
    const missing = join(folder, 'none');
    const fails = { code: 'ERR_GUESTFS_UNSAFE_PATH', hint: expect.stringContaining(`mkdir -p ${missing}`) };
    await expect(checkTemporaryFolder(missing)).rejects.toMatchObject(fails);
    expect(() => makePrivateFolder(missing, 'a test')).toThrow(expect.objectContaining(fails));
    await writeFile(join(folder, 'file'), '');
    await expect(checkTemporaryFolder(join(folder, 'file'))).rejects.toMatchObject({
      code: 'ERR_GUESTFS_UNSAFE_PATH',
    });
    await expect(openCacheFolder(missing)).rejects.toMatchObject({
      code: 'ERR_GUESTFS_APPLIANCE_BUILD',
      hint: `make the directory: mkdir -p ${missing}; or set LIBGUESTFS_CACHEDIR to another directory`,
    });
    await mkdir(missing);
    expect(await openCacheFolder(missing)).toMatch(/\.guestfs-\d+$/);
  });

  test.each([
    ['tmpdir', { TMPDIR: '/t' }, 'ENOENT', 'make the directory: mkdir -p /t; or correct TMPDIR, which names it'],
    [
      'tmpdir',
      { TMPDIR: '/t', LIBGUESTFS_TMPDIR: '/t/' },
      'EACCES',
      'make /t writable for you, or correct LIBGUESTFS_TMPDIR, which names it',
    ],
    [
      'tmpdir',
      { TMPDIR: '/other' },
      'EACCES',
      'make /t writable for you, or set LIBGUESTFS_TMPDIR to another directory',
    ],
    ['cachedir', { TMPDIR: '/t' }, 'EROFS', 'its filesystem is read-only: correct TMPDIR, which names it'],
    ['cachedir', {}, 'EROFS', 'its filesystem is read-only: set LIBGUESTFS_CACHEDIR to another directory'],
    [
      'cachedir',
      { LIBGUESTFS_CACHEDIR: '/t' },
      'ENOSPC',
      'make room on the disk of /t (df -h /t), or correct LIBGUESTFS_CACHEDIR, which names it',
    ],
    [
      'sockdir',
      { XDG_RUNTIME_DIR: '/t' },
      'ENOTDIR',
      'correct XDG_RUNTIME_DIR, which names it: it must be a directory',
    ],
  ] as const)('%s set by %j with %s: the hint names the variable', (role, env, code, hint) => {
    expect(folderHint(role, '/t', { code }, env)).toBe(hint);
  });
});
