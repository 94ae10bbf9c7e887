import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { GuestfsPool, prepareAppliance } from 'guestfs';
import { host, launched, LONG, memoryOf, SETTINGS, sparse, wasWarm } from './support.js';

jest.setTimeout(LONG ? 7_200_000 : 900_000);

const RESTORES = LONG ? 50 : 3;
const AT_ONCE = LONG ? 8 : 3;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-warm-own-'));
  await prepareAppliance(SETTINGS);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test(`${RESTORES} machines of one template make different UUIDs and keys, and have the host's time`, async () => {
  const seen: string[] = [];
  for (let i = 0; i < RESTORES; i += 1) {
    const [plain, luks] = [await sparse(join(folder, 'plain'), 64), await sparse(join(folder, 'luks'), 64)];
    const { g, log } = await launched([
      [plain, { format: 'raw' }],
      [luks, { format: 'raw' }],
    ]);
    try {
      expect(wasWarm(log)).toBe(true);
      await g.mkfs('ext4', '/dev/sda');
      await g.mount('/dev/sda', '/');
      const before = Date.now() / 1000;
      await g.touch('/now');
      const { stMtimeSec } = await g.statns('/now');
      // The guest's clock is cut to seconds here, and the call takes its time.
      expect(Number(stMtimeSec)).toBeGreaterThanOrEqual(Math.floor(before - 1));
      expect(Number(stMtimeSec)).toBeLessThanOrEqual(Date.now() / 1000 + 1);
      seen.push(await g.vfsUuid('/dev/sda'));
      await g.umountAll();
      await g.luksFormat('/dev/sdb', 'key', 0);
      await g.shutdown();
    } finally {
      await g.close();
    }
    const dump = await host('cryptsetup', 'luksDump', luks);
    const salts = [...dump.matchAll(/(?:Salt|salt):\s*((?:[0-9a-f]{2}\s+)+)/gi)].map((match) =>
      match[1]!.replace(/\s/g, ''),
    );
    const uuid = /UUID:\s*([0-9a-f-]{36})/.exec(dump)?.[1];
    expect(salts.length).toBeGreaterThan(0);
    expect(uuid).toBeDefined();
    seen.push(...salts, uuid!);
  }
  expect(new Set(seen).size).toBe(seen.length);
});

test(`${AT_ONCE} machines at once share the template's memory and have disks of their own`, async () => {
  const handles = await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, index) => {
      const { g, log } = await launched([[await sparse(join(folder, `many${index}`), 64), { format: 'raw' }]]);
      expect(wasWarm(log)).toBe(true);
      return g;
    }),
  );
  try {
    await Promise.all(handles.map((g, index) => g.mkfs('ext4', '/dev/sda', { label: `disk${index}` })));
    const labels = await Promise.all(handles.map((g) => g.vfsLabel('/dev/sda')));
    expect(labels).toEqual(handles.map((_, index) => `disk${index}`));
    const memory = await Promise.all(handles.map((g) => memoryOf(g.getPid())));
    for (const { rss, pss } of memory) expect(pss).toBeLessThan(rss * 0.95);
    await Promise.all(handles.map((g) => g.shutdown()));
  } finally {
    await Promise.all(handles.map((g) => g.close()));
  }
  for (let index = 0; index < AT_ONCE; index += 1) await host('e2fsck', '-fn', join(folder, `many${index}`));
});

test('a pool gives each handle out once, at once, refills itself, and ends with what nobody took', async () => {
  const disk = await sparse(join(folder, 'pooled'), 64);
  const pool = new GuestfsPool({ ...SETTINGS, size: 2 });
  const filled = async (): Promise<void> => {
    while (pool.ready < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  try {
    await filled();
    const begin = performance.now();
    const first = await pool.acquire();
    expect(performance.now() - begin).toBeLessThan(20);
    const second = await pool.acquire({ drives: [{ file: disk, format: 'raw', label: 'mine' }] });
    expect(second).not.toBe(first);
    expect(await first.listDevices()).toEqual([]);
    expect(await second.listDevices()).toEqual(['/dev/sda']);
    expect(await second.listDiskLabels()).toEqual({ mine: '/dev/sda' });
    await second.mkfs('ext4', '/dev/sda');
    await second.shutdown();
    await Promise.all([first.close(), second.close()]);
    await host('e2fsck', '-fn', disk);

    const stop = new AbortController();
    const taken = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    const waiting = pool.acquire({ signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
    await expect(pool.acquire({ drives: [join(folder, 'missing')] })).rejects.toMatchObject({ code: 'ENOENT' });
    await Promise.all(taken.map((g) => g.close()));
    await filled();
  } finally {
    await pool.close();
  }
  expect(pool.ready).toBe(0);
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'ERR_GUESTFS_CLOSED' });
});
