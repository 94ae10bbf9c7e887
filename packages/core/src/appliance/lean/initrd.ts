import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { guestProgram } from './guest-program.js';
import { S_IFCHR, S_IFDIR, S_IFREG, writeCpio, type CpioEntry } from './cpio.js';
import { kernelRelease } from './kernel-release.js';
import { hasModule, loadOrder, readModuleIndex, type ModuleIndex } from './modules.js';
import type { HostCpu } from '../qemu/architecture.js';

/** What the appliance cannot do without: its bus, its disks, its port to this library, its entropy. */
const WANTED = ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'virtio_console', 'virtio_rng', 'virtio-rng'];
/**
 * Their devices get numbers in the order in which they are loaded, which later would be left to chance; the order is that of
 * upstream's appliance without arrays.
 */
const NUMBERING = ['dm_mod', 'md_mod'];
/** The root is an ext2 filesystem, which either of them reads. */
const ROOT_FILESYSTEMS = ['ext4', 'ext2'];
/** ext4 asks for it by a name that modules.dep does not have. */
const ROOT_CHECKSUM = ['crc32c_generic', 'crc32c_intel'];

/**
 * Makes an initrd of this project's own init and the few modules that it needs for a kernel; null where it cannot be
 * made: an unknown kernel, no modules for it on this host, another architecture.
 */
export async function buildLeanInitrd(kernel: string, cpu: HostCpu, modulesFolder?: string): Promise<Buffer | null> {
  const init = await guestProgram('guest-init', cpu);
  const release = await kernelRelease(kernel);
  if (init === null || release === null) return null;
  const folder = modulesFolder ?? join('/lib/modules', release);
  let index: ModuleIndex;
  try {
    index = await readModuleIndex(folder);
  } catch {
    return null;
  }
  const filesystem = ROOT_FILESYSTEMS.find((name) => hasModule(index, name));
  if (filesystem === undefined || !hasModule(index, 'virtio_pci') || !hasModule(index, 'virtio_blk')) return null;
  const checksum = index.builtin.has(filesystem) ? [] : ROOT_CHECKSUM;
  const order = loadOrder(index, [...WANTED, ...checksum, filesystem, ...NUMBERING]);
  const modules = await Promise.all(order.map((file) => readModule(folder, file)));
  return writeCpio([
    folderEntry('dev'),
    // The kernel opens it as init's output before init runs.
    { name: 'dev/console', mode: S_IFCHR | 0o600, device: [5, 1] },
    ...['proc', 'sys', 'root'].map(folderEntry),
    { name: 'init', mode: S_IFREG | 0o755, content: init },
    ...modules.map(({ name, content }): CpioEntry => ({ name, mode: S_IFREG | 0o644, content })),
    {
      name: 'modules',
      mode: S_IFREG | 0o644,
      content: Buffer.from(modules.map(({ name, packed }) => `${packed ? 'z:' : ''}/${name}\n`).join('')),
    },
  ]);
}

function folderEntry(name: string): CpioEntry {
  return { name, mode: S_IFDIR | 0o755 };
}

/** A module as it goes into the initrd; the kernel unpacks what this Node cannot. */
async function readModule(folder: string, file: string): Promise<{ name: string; content: Buffer; packed: boolean }> {
  const content = await readFile(join(folder, file));
  if (file.endsWith('.gz')) return { name: basename(file, '.gz'), content: gunzipSync(content), packed: false };
  return { name: basename(file), content, packed: !file.endsWith('.ko') };
}
