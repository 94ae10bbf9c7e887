import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Side } from './sides/side.js';

const MIB = 1024 * 1024;
/** The scratch disks /dev/sda, /dev/sdb … that every group may overwrite. */
const SIZES = [1024, 1024, 512, 512, 8].map((size) => size * MIB);

/** Makes empty sparse disks in a folder, adds them and launches. */
export async function launchOnScratch(
  side: Side,
  folder: string,
  prefix: string,
  more: readonly string[] = [],
): Promise<void> {
  for (const [index, size] of SIZES.entries()) {
    const file = await emptyDisk(join(folder, `${prefix}-${index}.img`), size);
    await must(side, 'add_drive', [file], { format: 'raw', discard: 'enable' });
  }
  for (const file of more) await must(side, 'add_drive', [file], { format: 'raw' });
  await must(side, 'launch');
}

export async function emptyDisk(path: string, size: number): Promise<string> {
  const file = await open(path, 'w');
  await file.truncate(size);
  await file.close();
  return path;
}

/** A call without which nothing can be compared. */
export async function must(
  side: Side,
  call: string,
  args: string[] = [],
  opts: Record<string, string> = {},
): Promise<unknown> {
  const outcome = await side.perform({ call, args, opts });
  if ('error' in outcome) throw new Error(`${side.name}: ${call}: ${outcome.error.message}`);
  return outcome.result;
}
