import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Guestfs } from 'guestfs';
import { prepareAppliance } from 'guestfs';
import { host, launched, LONG, SETTINGS, sparse, wasWarm } from './support.js';

jest.setTimeout(LONG ? 7_200_000 : 900_000);

const KEY = 'correct horse';
type Drive = [file: string, options: { format?: string; readonly?: boolean; blocksize?: number; label?: string }];

let folder: string;
let drives: Drive[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-warm-same-'));
  await prepareAppliance(SETTINGS);
  drives = await makeDisks();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Twelve disks of all kinds, made by guestfish in one machine. */
async function makeDisks(): Promise<Drive[]> {
  const at = (name: string): string => join(folder, name);
  const raw = ['ext4', 'xfs', 'btrfs', 'lvm1', 'lvm2', 'md1', 'md2', 'luks', 'swap', 'last'];
  for (const name of raw) await sparse(at(name), name === 'xfs' || name === 'btrfs' ? 320 : 64);
  await sparse(at('wide'), 64);
  await host('qemu-img', 'create', '-q', '-f', 'qcow2', at('qcow2'), '64M');
  const script = [
    ...raw.map((name) => `add ${at(name)} format:raw`),
    `add ${at('wide')} format:raw blocksize:4096`,
    `add ${at('qcow2')} format:qcow2`,
    'run',
    'part-disk /dev/sda gpt',
    'mkfs ext4 /dev/sda1 label:first',
    'mkfs xfs /dev/sdb',
    'mkfs btrfs /dev/sdc',
    'pvcreate /dev/sdd',
    'pvcreate /dev/sde',
    'vgcreate vg "/dev/sdd /dev/sde"',
    'lvcreate lv vg 80',
    'mkfs ext4 /dev/vg/lv',
    'md-create r1 "/dev/sdf /dev/sdg" level:raid1',
    'mkfs ext4 /dev/md/r1',
    'part-disk /dev/sdj mbr',
    'mkfs vfat /dev/sdj1',
    'mkswap /dev/sdi',
    'part-disk /dev/sdk gpt',
    'mkfs ext4 /dev/sdk1',
    'mkfs ext2 /dev/sdl',
    'umount-all',
    'sync',
  ].join('\n');
  await host('sh', '-c', `guestfish <<'END'\n${script}\nEND`);
  await host(
    'sh',
    '-c',
    `printf '%s' '${KEY}' | cryptsetup luksFormat --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 -q ${at('luks')} -`,
  );
  return [
    ...raw.map((name, index): Drive => [
      at(name),
      { format: 'raw', ...(index === 9 && { readonly: true, label: 'last' }) },
    ]),
    [at('wide'), { format: 'raw', blocksize: 4096 }],
    [at('qcow2'), { format: 'qcow2' }],
  ];
}

/** What a handle tells of its disks, and of a file that it writes where it may. */
async function account(g: Guestfs, count: number): Promise<unknown> {
  const told: Record<string, unknown> = {
    devices: await g.listDevices(),
    partitions: await g.listPartitions(),
    filesystems: await g.listFilesystems(),
    md: await g.listMdDevices(),
    volumes: await g.lvs(),
    labels: await g.listDiskLabels(),
    sectors: await Promise.all((await g.listDevices()).map((device) => g.blockdevGetss(device))),
    uuids: await Promise.all(
      Object.keys(await g.listFilesystems()).map((device) => g.vfsUuid(device).catch(() => null)),
    ),
  };
  if (count > 0) {
    await g.mount('/dev/sda1', '/');
    await g.write('/file', Buffer.from('content'));
    told['ext4'] = (await g.readFile('/file')).toString();
    await g.umountAll();
  }
  if (count >= 12) {
    await g.cryptsetupOpen('/dev/sdh', KEY, 'plain');
    told['luks'] = await g.blockdevGetsize64('/dev/mapper/plain');
    await g.cryptsetupClose('/dev/mapper/plain');
    const arrays = await g.listMdDevices();
    for (const device of ['/dev/sdb', '/dev/sdc', '/dev/vg/lv', ...arrays, '/dev/sdk1', '/dev/sdl']) {
      await g.mount(device, '/');
      await g.write('/more', Buffer.alloc(100_000, 1));
      await g.umountAll();
    }
  }
  return told;
}

/** The filesystems that stand alone on a disk, checked by this host's own tools. */
async function checkOnHost(): Promise<void> {
  await host('xfs_repair', '-n', join(folder, 'xfs'));
  await host('btrfs', 'check', '--readonly', join(folder, 'btrfs'));
  const ext4 = join(folder, 'ext4.part');
  await host('dd', `if=${join(folder, 'ext4')}`, `of=${ext4}`, 'bs=512', 'skip=128', 'status=none');
  await host('e2fsck', '-fn', ext4);
}

const counts = LONG ? Array.from({ length: 200 }, (_, index) => (index % 12) + 1) : [1, 12];

test(`${counts.length} warm launches tell of 1 to 12 disks what cold ones tell, and leave clean filesystems`, async () => {
  const expected = new Map<number, unknown>();
  for (const [index, count] of counts.entries()) {
    const some = drives.slice(0, count);
    if (!expected.has(count)) {
      const { g, log } = await launched(some, { warm: false });
      expected.set(count, await account(g, count));
      await g.close();
      expect(wasWarm(log)).toBe(false);
    }
    const { g, log } = await launched(some);
    try {
      expect({ index, told: await account(g, count) }).toEqual({ index, told: expected.get(count) });
      expect(log.filter((line) => line.includes('going on cold'))).toEqual([]);
      expect(wasWarm(log)).toBe(true);
      await g.shutdown();
    } finally {
      await g.close();
    }
    await checkOnHost();
  }
});
