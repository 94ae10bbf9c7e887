import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { kernelDisks } from './kernel-disks.js';
import type { Machine } from './compare.js';
import { must, type Side } from './sides/side.js';

const MIB = 1024 * 1024;
/** The scratch disks /dev/sda, /dev/sdb … that every group may overwrite. */
const SIZES = [1024, 1024, 512, 512, 8].map((size) => size * MIB);

/** Makes empty sparse disks in the side's folder, adds them and launches. */
export async function launchOnScratch(side: Side): Promise<Machine> {
  const started = Date.now();
  for (const [index, size] of SIZES.entries()) {
    const file = await emptyDisk(join(side.folder, `${index}.img`), size);
    await must(side, 'add_drive', [file], { format: 'raw', discard: 'enable' });
  }
  await must(side, 'launch');
  return { started, disks: await kernelDisks(side, SIZES.length) };
}

export async function emptyDisk(path: string, size: number): Promise<string> {
  const file = await open(path, 'w');
  await file.truncate(size);
  await file.close();
  return path;
}
