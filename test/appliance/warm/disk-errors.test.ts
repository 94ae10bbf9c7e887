import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { GuestfsError, GuestfsPool, prepareAppliance, type Guestfs, type GuestfsOptions } from 'guestfs';
import { mountMissing, SmallFilesystem } from '../../support/small-filesystem.js';
import { launched, SETTINGS, sparse, wasWarm } from './support.js';

jest.setTimeout(900_000);

const MIB = 1024 * 1024;
const describeFull = mountMissing() === null ? describe : describe.skip;

async function rejection(promise: PromiseLike<unknown>): Promise<GuestfsError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!GuestfsError.is(error)) throw new Error(`not rejected with a GuestfsError: ${String(error)}`);
  return error;
}

describeFull('a full disk of the host', () => {
  let small: SmallFilesystem;
  let tmp: SmallFilesystem;
  let options: GuestfsOptions;
  let g: Guestfs | null = null;
  const drives = (): { file: string; format: string; readonly?: boolean }[] => [
    { file: join(small.folder, 'writable.img'), format: 'raw' },
    { file: join(small.folder, 'readonly.img'), format: 'raw', readonly: true },
  ];

  beforeAll(async () => {
    await prepareAppliance(SETTINGS);
    small = new SmallFilesystem(64);
    tmp = new SmallFilesystem(64);
    options = { ...SETTINGS, tmpdir: tmp.folder };
  });
  beforeEach(async () => {
    // Nothing of them is allocated.
    for (const { file } of drives()) await sparse(file, 256);
  });
  afterEach(() => g?.close());
  afterAll(async () => {
    for (const filesystem of [small, tmp]) await filesystem[Symbol.asyncDispose]();
  });

  /** Fills the filesystems of both disks; every call must fail with the disk's name, and all go on when there is room. */
  async function fillBoth(machine: Guestfs): Promise<void> {
    await machine.mkfs('ext4', '/dev/sda');
    await machine.mount('/dev/sda', '/');
    await machine.write('/large', Buffer.alloc(2 * MIB, 'x'));
    await small.fill();
    const error = await rejection(machine.sync());
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_NO_SPACE', operation: 'sync' });
    expect(error.reason).toContain(`the drive "${small.folder}/writable.img" (/dev/sda): No space left on device`);
    expect(await rejection(machine.rmF('/large'))).toMatchObject({ code: 'ERR_GUESTFS_NO_SPACE' });
    await small.makeRoom();
    await machine.sync();
    expect(await machine.ls('/')).toEqual(['large', 'lost+found']);
    await machine.umountAll();

    await tmp.fill();
    const overlay = await rejection(machine.mkfs('ext4', '/dev/sdb').then(() => machine.sync()));
    expect(overlay.code).toBe('ERR_GUESTFS_NO_SPACE');
    expect(overlay.reason).toContain(`the overlay of the drive "${small.folder}/readonly.img" (/dev/sdb)`);
    await tmp.makeRoom();
    await machine.mkfs('ext4', '/dev/sdb');
    expect(await machine.vfsType('/dev/sdb')).toBe('ext4');
  }

  test('is told by a machine from a template, and an end of qemu with its reason', async () => {
    const start = await launched(
      drives().map(({ file, ...settings }) => [file, settings]),
      options,
    );
    g = start.g;
    expect(wasWarm(start.log)).toBe(true);
    await fillBoth(g);
    process.kill(g.getPid(), 'SIGTERM');
    const error = await rejection(g.checksumDevice('md5', '/dev/sda'));
    expect(error.code).toBe('ERR_GUESTFS_CONNECTION_LOST');
    expect(error.reason).toContain('a signal from outside told qemu to end');
  });

  test('is told by a machine of a pool, and when it is closed', async () => {
    const pool = new GuestfsPool({ ...options, size: 1 });
    try {
      g = await pool.acquire({ drives: drives() });
    } finally {
      await pool.close();
    }
    await fillBoth(g);
    const warnings: string[] = [];
    g.on('warning', ({ text }) => warnings.push(text));
    await g.mount('/dev/sda', '/');
    await g.write('/lost', Buffer.alloc(2 * MIB, 'z'));
    await small.fill();
    await g.close();
    expect(warnings.join('\n')).toContain('what was written last may be lost');
    expect(warnings.join('\n')).toContain('writable.img');
    await small.makeRoom();
  });
});
