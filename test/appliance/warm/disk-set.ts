import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { host, sparse } from './support.js';

export const LUKS_KEY = 'correct horse';

/** A disk of the set: its file, and the options with which it is added. */
export interface SetDisk {
  readonly name: string;
  readonly options: { format: string; readonly?: boolean; blocksize?: number; label?: string };
}

/** In the order in which they are added, so that a launch with fewer of them has half a volume group or half an array. */
export const DISKS: readonly SetDisk[] = [
  { name: 'ext4', options: { format: 'raw' } },
  { name: 'qcow2', options: { format: 'qcow2' } },
  { name: 'wide', options: { format: 'raw', blocksize: 4096 } },
  { name: 'btrfs', options: { format: 'raw' } },
  { name: 'lvm1', options: { format: 'raw' } },
  { name: 'lvm2', options: { format: 'raw' } },
  { name: 'luks', options: { format: 'raw' } },
  { name: 'xfs', options: { format: 'raw', label: 'big' } },
  { name: 'md1', options: { format: 'raw' } },
  { name: 'md2', options: { format: 'raw' } },
  { name: 'readonly', options: { format: 'qcow2', readonly: true, label: 'last' } },
  { name: 'swap', options: { format: 'raw', readonly: true, blocksize: 4096 } },
];

/** A key is read from the line that follows. */
const SCRIPT = `
run
part-disk /dev/sda gpt
mkfs ext4 /dev/sda1 label:first
mkfs ext2 /dev/sdb
part-disk /dev/sdc gpt
mkfs ext4 /dev/sdc1
mkfs btrfs /dev/sdd
pvcreate /dev/sde
pvcreate /dev/sdf
vgcreate vg "/dev/sde /dev/sdf"
lvcreate lv vg 80
mkfs ext4 /dev/vg/lv
luks-format /dev/sdg 0
${LUKS_KEY}
cryptsetup-open /dev/sdg plain
${LUKS_KEY}
mkfs ext4 /dev/mapper/plain
cryptsetup-close /dev/mapper/plain
mkfs xfs /dev/sdh
md-create r1 "/dev/sdi /dev/sdj" level:raid1
mkfs ext4 /dev/md127
-debug sh "mdadm --wait /dev/md127"
part-disk /dev/sdk mbr
mkfs vfat /dev/sdk1
mount /dev/sdk1 /
write /content "read only"
umount-all
mkswap /dev/sdl
`;

/** Makes the disks by guestfish, in one machine. */
export async function makeDisks(folder: string): Promise<void> {
  for (const { name, options } of DISKS) {
    const megabytes = name === 'xfs' || name === 'btrfs' ? 320 : 64;
    if (options.format === 'raw') await sparse(join(folder, name), megabytes);
    else await host('qemu-img', 'create', '-q', '-f', 'qcow2', join(folder, name), `${megabytes}M`);
  }
  const adding = DISKS.map(({ name, options: { format, blocksize } }) =>
    [
      'add',
      join(folder, name),
      `format:${format}`,
      ...(blocksize === undefined ? [] : [`blocksize:${blocksize}`]),
    ].join(' '),
  );
  await writeFile(join(folder, 'script'), [...adding, SCRIPT].join('\n'));
  await host('guestfish', '--keys-from-stdin', '-f', join(folder, 'script'));
  // The key's iterations fit this host and only take time: a second for each launch.
  const cheap = '--pbkdf pbkdf2 --pbkdf-force-iterations 1000';
  const [key, luks] = [join(folder, 'key'), join(folder, 'luks')];
  await writeFile(key, LUKS_KEY);
  await host('sh', '-c', `cryptsetup luksChangeKey -q ${cheap} --key-file '${key}' '${luks}' '${key}'`);
}

/** Fresh copies of the first disks of a set, in an empty folder. */
export async function copyDisks(from: string, to: string, count: number): Promise<void> {
  await host('rm', '-rf', to);
  await host('mkdir', to);
  const files = DISKS.slice(0, count).map(({ name }) => join(from, name));
  await host('cp', '--sparse=always', ...files, to);
}

/**
 * Checks all filesystems of the first disks with this host's own tools, without the appliance, and that what was added
 * read-only is as it was. The inside of the LUKS disk is left to the appliance: this host may have no device mapper.
 */
export async function checkDisks(folder: string, count: number, pristine: string): Promise<void> {
  const at = (name: string): string => join(folder, name);
  const checks: Record<string, () => Promise<unknown>> = {
    ext4: async () => checkExt(at('ext4'), await firstPartition(at('ext4'), 512)),
    qcow2: async () => {
      await host('qemu-img', 'check', '-q', at('qcow2'));
      await host('qemu-img', 'convert', '-O', 'raw', at('qcow2'), at('qcow2.raw'));
      await checkExt(at('qcow2.raw'), 0);
    },
    wide: async () => checkExt(at('wide'), await firstPartition(at('wide'), 4096)),
    btrfs: () => host('btrfs', 'check', '--readonly', at('btrfs')),
    // The volume fills the first disk's extents and goes on with the second's.
    lvm2: async () => {
      const [first, second] = [await extents(at('lvm1')), await extents(at('lvm2'))];
      await writeFile(at('lv'), Buffer.concat([first, second]).subarray(0, 80 * 2 ** 20));
      await checkExt(at('lv'), 0);
    },
    xfs: () => host('xfs_repair', '-n', '-f', at('xfs')),
    md1: async () => checkExt(at('md1'), await arrayOffset(at('md1'))),
    md2: async () => {
      const offset = await arrayOffset(at('md2'));
      await checkExt(at('md2'), offset);
      await host('cmp', '-i', String(offset), at('md1'), at('md2'));
    },
    readonly: () => host('cmp', at('readonly'), join(pristine, 'readonly')),
    swap: () => host('cmp', at('swap'), join(pristine, 'swap')),
  };
  for (const { name } of DISKS.slice(0, count)) await checks[name]?.();
}

async function checkExt(file: string, offset: number): Promise<void> {
  await host('e2fsck', '-fn', `${file}?offset=${offset}`);
}

async function bytesAt(file: string, offset: number, length: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    return (await handle.read(Buffer.alloc(length), 0, length, offset)).buffer;
  } finally {
    await handle.close();
  }
}

/** Where the first partition of a GPT begins, in bytes. */
async function firstPartition(file: string, sector: number): Promise<number> {
  return Number((await bytesAt(file, 2 * sector + 32, 8)).readBigUInt64LE()) * sector;
}

/** Where the data of an array with metadata 1.2 begins, in bytes. */
async function arrayOffset(file: string): Promise<number> {
  return Number((await bytesAt(file, 4096 + 128, 8)).readBigUInt64LE()) * 512;
}

/** All whole extents of 4 MiB of a physical volume, which follow its first MiB. */
async function extents(file: string): Promise<Buffer> {
  const data = (await readFile(file)).subarray(2 ** 20);
  return data.subarray(0, data.length - (data.length % (4 * 2 ** 20)));
}
