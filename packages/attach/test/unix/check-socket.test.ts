import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkSocket } from '../../src/unix/check-socket.js';
import { attachSettings } from '../../src/unix/settings.js';

let folder: string;
const servers: Server[] = [];

async function listen(path: string): Promise<string> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  await chmod(path, 0o755);
  return path;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-check-socket-'));
});
afterAll(async () => {
  for (const server of servers) server.close();
  await rm(folder, { recursive: true, force: true });
});

describe('checkSocket', () => {
  test('takes a socket of one’s own, and a path where none is yet', async () => {
    await checkSocket(await listen(join(folder, 'own.sock')));
    await checkSocket(join(folder, 'later.sock'));
  });

  test('refuses a file, a folder, and a path through neither', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await mkdir(join(folder, 'folder'));
    await expect(checkSocket(file)).rejects.toMatchObject({
      code: 'ERR_GUESTFS_ATTACH',
      message: expect.stringContaining('is a file'),
    });
    await expect(checkSocket(join(folder, 'folder'))).rejects.toMatchObject({
      code: 'ERR_GUESTFS_ATTACH',
      message: expect.stringContaining('is a directory'),
    });
    await expect(checkSocket(join(folder, 'nowhere', 'g.sock'))).rejects.toMatchObject({ code: 'ERR_GUESTFS_ATTACH' });
    await expect(checkSocket(join(file, 'g.sock'))).rejects.toMatchObject({ code: 'ERR_GUESTFS_ATTACH' });
  });

  test.each(['', 'a\0b', `/tmp/${'x'.repeat(120)}`])('refuses %j, which no socket can have', async (path) => {
    await expect(checkSocket(path)).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
  });

  test('refuses a socket that everybody can use, unless that is wished', async () => {
    const path = await listen(join(folder, 'open.sock'));
    await chmod(path, 0o777);
    await expect(checkSocket(path)).rejects.toMatchObject({
      code: 'ERR_GUESTFS_UNSAFE_PATH',
      hint: expect.stringContaining('allow_other_owner'),
    });
    await checkSocket(path, true);
  });

  test('refuses a socket in a folder where everybody can change it', async () => {
    const open = join(folder, 'open');
    await mkdir(open);
    const path = await listen(join(open, 'g.sock'));
    await chmod(open, 0o777);
    await expect(checkSocket(path)).rejects.toMatchObject({ code: 'ERR_GUESTFS_UNSAFE_PATH' });
    await chmod(open, 0o1777);
    await checkSocket(path);
  });

  const asRoot = process.geteuid?.() === 0 ? test : test.skip;
  asRoot('refuses another user’s socket, unless that is wished', async () => {
    const path = await listen(join(folder, 'other.sock'));
    await chown(path, 12345, 12345);
    await expect(checkSocket(path)).rejects.toMatchObject({
      code: 'ERR_GUESTFS_UNSAFE_PATH',
      message: expect.stringContaining('12345'),
    });
    await checkSocket(path, true);
  });
});

describe('attachSettings', () => {
  test('reads its two settings among others', () => {
    expect(attachSettings([])).toEqual({ allowOtherOwner: false });
    expect(attachSettings(['force_tcg', 'attach_timeout=1.5', 'allow_other_owner'])).toEqual({
      allowOtherOwner: true,
      timeout: 1500,
    });
  });

  test.each(['', '-1', '0', 'soon', '1e9', '99999999'])('refuses attach_timeout=%s', (value) => {
    expect(() => attachSettings([`attach_timeout=${value}`])).toThrow(
      expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT' }),
    );
  });
});
