import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { directBackend } from '@guestfs/attach';
import { procedures } from '@guestfs/core/protocol';
import { GuestfsPool, prepareAppliance, type Guestfs } from 'guestfs';
import { launchConfig, launchContext } from '../../support/launch-settings.js';
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

/** What a machine makes at random, and its clock in seconds since 1970. */
interface Own {
  readonly random: Record<string, string>;
  readonly clock: number;
}

/** Restores a machine with two empty disks, and has everything made there that must be its own. */
async function restored(): Promise<Own> {
  const [plain, luks] = [await sparse(join(folder, 'plain'), 64), await sparse(join(folder, 'luks'), 64)];
  const { context, log } = launchContext();
  const drives = [plain, luks].map((file) => ({ file, readonly: false, format: 'raw' }));
  const session = await directBackend().launch(
    launchConfig({ drives, warm: true, backendSettings: ['force_tcg'] }),
    context,
  );
  const { connection } = session;
  const shell = (command: string): Promise<string> => connection.call(procedures.debug, ['sh', [command]]);
  const random: Record<string, string> = {};
  let clock: number;
  try {
    expect(wasWarm(log)).toBe(true);
    const before = Date.now() / 1000;
    clock = Number(await shell('date +%s.%N'));
    expect(clock).toBeGreaterThan(before - 1);
    expect(clock).toBeLessThan(Date.now() / 1000 + 1);
    expect((await shell('cat /sys/block/sd*/device/timeout')).split('\n')).toEqual(['300', '300']);
    const kernel = '/proc/sys/kernel/random';
    random['uuid'] = await shell(`cat ${kernel}/uuid`);
    random['boot_id'] = await shell(`cat ${kernel}/boot_id`);
    random['machine-id'] = await shell('cat /etc/machine-id');
    random['urandom'] = await shell('od -An -N16 -tx1 /dev/urandom');
    random['temporary name'] = await shell('mktemp -u');
    await connection.call(procedures.partInit, ['/dev/sda', 'gpt']);
    await connection.call(procedures.partAdd, ['/dev/sda', 'p', 2048n, 65535n]);
    await connection.call(procedures.partAdd, ['/dev/sda', 'p', 65536n, -2048n]);
    random['disk GUID'] = await connection.call(procedures.partGetDiskGuid, ['/dev/sda']);
    random['partition GUID'] = await connection.call(procedures.partGetGptGuid, ['/dev/sda', 1]);
    await connection.call(procedures.mkfs, ['ext4', '/dev/sda1']);
    random['filesystem'] = await connection.call(procedures.vfsUuid, ['/dev/sda1']);
    random['hash seed'] = (await connection.call(procedures.tune2fsL, ['/dev/sda1']))['Directory Hash Seed'] ?? '';
    await connection.call(procedures.pvcreate, ['/dev/sda2']);
    random['physical volume'] = await connection.call(procedures.pvuuid, ['/dev/sda2']);
    // As the daemon runs it, but for the iterations, which only take time.
    await shell('echo key | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/sdb -');
    await connection.call(procedures.internalAutosync);
  } finally {
    await session.shutdown();
  }
  const dump = await host('cryptsetup', 'luksDump', luks);
  random['LUKS'] = /UUID:\s*([0-9a-f-]{36})/.exec(dump)?.[1] ?? '';
  const salts = [...dump.matchAll(/salt:\s*((?:[0-9a-f]{2}\s+)+)/gi)].map(([, salt]) => salt!.replace(/\s/g, ''));
  expect(salts.length).toBeGreaterThan(1);
  salts.forEach((salt, index) => (random[`LUKS salt ${index}`] = salt));
  return { random, clock };
}

test(`${RESTORES} machines of one template make different UUIDs, keys and salts, and have the host's time`, async () => {
  const seen = new Map<string, string>();
  let last = 0;
  for (let i = 0; i < RESTORES; i += 1) {
    const { random, clock } = await restored();
    for (const [name, value] of Object.entries(random)) {
      expect(value.trim()).not.toBe('');
      expect([name, value, seen.get(value)]).toEqual([name, value, undefined]);
      seen.set(value, `${name} of machine ${i}`);
    }
    expect(clock).toBeGreaterThan(last);
    last = clock;
  }
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

test('volume groups on many disks come up together, each waiting for events of its own', async () => {
  const drives = await Promise.all(
    Array.from(
      { length: 6 },
      async (_, index) => [await sparse(join(folder, `group${index}`), 32), { format: 'raw' }] as const,
    ),
  );
  const made = await launched(drives);
  const names: string[] = [];
  for (const [index, device] of (await made.g.listDevices()).entries()) {
    await made.g.pvcreate(device);
    await made.g.vgcreate(`group${index}`, [device]);
    await made.g.lvcreate('volume', `group${index}`, 16);
    names.push(`/dev/group${index}/volume`);
  }
  await made.g.shutdown();
  await made.g.close();
  // Disks that wait in vain for each other take longer, and the launch goes on cold.
  const { g, log } = await launched(drives, { launchTimeout: 60_000 });
  try {
    expect(wasWarm(log)).toBe(true);
    expect(await g.lvs()).toEqual(names);
    for (const name of names) expect(await g.blockdevGetsize64(name)).toBe(16n * 1024n * 1024n);
  } finally {
    await g.close();
  }
});

test('a pool gives each handle out once, at once, refills itself, and ends with what nobody took', async () => {
  const disk = await sparse(join(folder, 'pooled'), 64);
  const pool = new GuestfsPool({ ...SETTINGS, size: 2 });
  const filled = async (): Promise<void> => {
    while (pool.ready < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  try {
    await filled();
    let first!: Guestfs;
    void pool.acquire().then((g) => (first = g));
    // Within this turn of the event loop: nothing is launched for it.
    await new Promise((resolve) => setImmediate(resolve));
    expect(first).toBeDefined();
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
