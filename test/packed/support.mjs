import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';

export const work = process.env.WORK;
export const isWarm = process.env.GUESTFS_WARM === '1';

/** An empty sparse disk image of this case's own. */
export function makeDisk(name, size = 256 * 1024 * 1024, folder = work) {
  const path = join(folder, name);
  const file = openSync(path, 'w');
  ftruncateSync(file, size);
  closeSync(file);
  return path;
}

/** What a promise rejects with; throws when it does not. */
export async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

/** Collects the lines of a handle's own log. */
export function libraryLog(g) {
  const lines = [];
  g.on('library', (event) => lines.push(event.text));
  return lines;
}
