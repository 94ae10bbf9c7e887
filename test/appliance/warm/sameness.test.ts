import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { directBackend } from '@guestfs/attach';
import { procedures } from '@guestfs/core/protocol';
import type { Guestfs, GuestfsError } from 'guestfs';
import { prepareAppliance } from 'guestfs';
import { launchConfig, launchContext } from '../../support/launch-settings.js';
import { checkDisks, copyDisks, DISKS, LUKS_KEY, makeDisks } from './disk-set.js';
import { launched, LONG, PART, SETTINGS, wasWarm } from './support.js';

jest.setTimeout(LONG ? 7_200_000 : 900_000);

let folder: string;
let pristine: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-warm-same-'));
  pristine = join(folder, 'pristine');
  await mkdir(pristine);
  await prepareAppliance(SETTINGS);
  await makeDisks(pristine);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a handle tells of its disks before and after it writes a file to each filesystem that may be written. */
async function account(g: Guestfs, count: number): Promise<unknown> {
  const devices = await g.listDevices();
  const filesystems = await g.listFilesystems();
  const told = {
    devices,
    filesystems,
    partitions: await g.listPartitions(),
    labels: await g.listDiskLabels(),
    arrays: await g.listMdDevices(),
    volumes: await g.lvsFull(),
    groups: await g.vgsFull(),
    physical: await g.pvsFull(),
    sectors: await Promise.all(devices.map((device) => g.blockdevGetss(device))),
    sizes: await Promise.all(devices.map((device) => g.blockdevGetsize64(device))),
    readonly: await Promise.all(devices.map((device) => g.blockdevGetro(device))),
    // A volume that misses a disk is listed but is not there.
    blkid: await Promise.all(Object.keys(filesystems).map((device) => g.blkid(device).catch(failure))),
    sessions: {} as Record<string, unknown>,
  };
  for (const [device, type] of Object.entries(filesystems)) {
    if (['ext2', 'ext4', 'xfs', 'btrfs', 'vfat'].includes(type)) told.sessions[device] = await session(g, device, type);
  }
  const luks = DISKS.slice(0, count).findIndex(({ name }) => name === 'luks');
  if (luks !== -1) {
    await g.cryptsetupOpen(devices[luks]!, LUKS_KEY, 'plain');
    told.sessions['luks'] = await session(g, '/dev/mapper/plain', 'ext4');
    await g.cryptsetupClose('/dev/mapper/plain');
  }
  return told;
}

async function session(g: Guestfs, device: string, type: string): Promise<unknown> {
  if (type === 'vfat') {
    await g.mountRo(device, '/');
    const content = (await g.readFile('/content')).toString();
    await g.umountAll();
    return { content };
  }
  await g.mount(device, '/');
  await g.mkdir('/folder');
  await g.write('/folder/file', Buffer.alloc(100_000, 'written'));
  await g.lnS('file', '/folder/link');
  const result = {
    names: await g.find('/'),
    checksum: await g.checksum('sha256', '/folder/file'),
    size: await g.filesize('/folder/file'),
    uuid: await g.vfsUuid(device),
    label: await g.vfsLabel(device),
    blocks: (await g.statvfs('/')).blocks,
    file: withoutTimes(await g.statns('/folder/file')),
  };
  await g.umountAll();
  return result;
}

function failure(error: unknown): unknown {
  const { code, message } = error as GuestfsError;
  return { code, message };
}

function withoutTimes(stat: object): unknown {
  return Object.fromEntries(Object.entries(stat).filter(([name]) => !/time/i.test(name)));
}

const [part, parts] = PART;
/** 200 launches of 1 to 12 disks in a row; a part of them takes all that have certain numbers of disks. */
const counts = (LONG ? Array.from({ length: 200 }, (_, index) => (index % 12) + 1) : [3, 12]).filter(
  (count) => (count - 1) % parts === part - 1,
);

test(`${counts.length} warm launches in a row tell of 1 to 12 disks what cold ones tell, and leave clean filesystems`, async () => {
  const expected = new Map<number, unknown>();
  const copies = join(folder, 'copies');
  const play = async (count: number, warm: boolean): Promise<unknown> => {
    await copyDisks(pristine, copies, count);
    const drives = DISKS.slice(0, count).map(({ name, options }) => [join(copies, name), options] as const);
    const { g, log } = await launched(drives, { warm });
    try {
      expect(log.filter((line) => line.includes('going on cold'))).toEqual([]);
      expect(wasWarm(log)).toBe(warm);
      const told = await account(g, count);
      await g.shutdown();
      return told;
    } finally {
      await g.close();
    }
  };
  for (const [index, count] of counts.entries()) {
    if (!expected.has(count)) {
      expected.set(count, await play(count, false));
      await checkDisks(copies, count, pristine);
    }
    expect({ index, told: await play(count, true) }).toEqual({ index, told: expected.get(count) });
    await checkDisks(copies, count, pristine);
  }
  await checkInsideLuks(join(copies, 'luks'));
});

/** Checks the filesystem inside of LUKS by a machine of its own: the host may have no device mapper. */
async function checkInsideLuks(file: string): Promise<void> {
  if (!existsSync(file)) return;
  const { context } = launchContext();
  const drives = [{ file, readonly: true, format: 'raw' }];
  const session = await directBackend().launch(launchConfig({ drives, backendSettings: ['force_tcg'] }), context);
  try {
    const commands = `printf '%s' '${LUKS_KEY}' | cryptsetup open /dev/sda plain - && e2fsck -fn /dev/mapper/plain`;
    expect(await session.connection.call(procedures.debug, ['sh', [commands]])).toContain('Pass 5');
  } finally {
    await session.shutdown();
  }
}
