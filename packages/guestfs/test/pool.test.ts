import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GuestfsPool, type GuestfsPoolOptions } from 'guestfs';

let folder: string;
const pools: GuestfsPool[] = [];
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'guestfs-pool-'))));
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  await rm(folder, { recursive: true, force: true });
});

/** A pool on a host where nothing can be launched. */
function hopeless(change: Partial<GuestfsPoolOptions> = {}): GuestfsPool {
  const hv = join(folder, 'no-qemu');
  const pool = new GuestfsPool({ size: 2, environment: {}, cachedir: folder, hv, ...change });
  pools.push(pool);
  return pool;
}

const code = (name: string): unknown => expect.objectContaining({ code: name });

test.each([0, -1, 1.5, 65, Number.NaN, '2' as unknown as number])('a size of %p is refused', (size) => {
  expect(() => new GuestfsPool({ size })).toThrow(code('ERR_GUESTFS_ARGUMENT'));
});

test('options that no handle takes are refused at once', () => {
  expect(() => hopeless({ colour: 'red' } as never)).toThrow(code('ERR_GUESTFS_ARGUMENT'));
});

describe('a pool that can launch nothing', () => {
  test('has nothing ready, and tells each caller why', async () => {
    const pool = hopeless();
    await expect(pool.acquire()).rejects.toEqual(code('ERR_GUESTFS_QEMU_NOT_FOUND'));
    expect(pool.ready).toBe(0);
  });

  test('refuses wrong drives before anything else', async () => {
    await expect(hopeless().acquire({ drives: [{ file: 'x', blocksize: 3 }] })).rejects.toEqual(
      code('ERR_GUESTFS_ARGUMENT'),
    );
  });

  test('gives a caller nothing whose signal was aborted before', async () => {
    const cause = new Error('enough');
    const waiting = hopeless().acquire({ signal: AbortSignal.abort(cause) });
    await expect(waiting).rejects.toEqual(code('ERR_GUESTFS_CANCELLED'));
    await expect(waiting).rejects.toMatchObject({ cause });
  });

  test('gives up the wait when the signal is aborted', async () => {
    const stop = new AbortController();
    const waiting = hopeless().acquire({ signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toEqual(code('ERR_GUESTFS_CANCELLED'));
  });

  test('rejects those who wait when it is closed, and all who come later', async () => {
    const pool = hopeless();
    const waiting = pool.acquire();
    waiting.catch(() => undefined);
    await Promise.all([pool.close(), pool.close()]);
    await expect(waiting).rejects.toEqual(code('ERR_GUESTFS_CLOSED'));
    await expect(pool.acquire()).rejects.toEqual(code('ERR_GUESTFS_CLOSED'));
  });
});
