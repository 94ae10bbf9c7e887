import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GuestfsError } from '../../../protocol/errors.js';
import { openCacheFolder } from '../../host/folders.js';
import { codeOf } from '../../host/system-error.js';

/**
 * The folder of the templates in the cache folder, made where it is missing.
 *
 * Whoever can write there runs code beside the user's disks: ERR_GUESTFS_UNSAFE_PATH unless it is this user's alone.
 */
export async function openWarmFolder(cachedir: string): Promise<string> {
  const folder = join(await openCacheFolder(cachedir), 'warm');
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  const problem = await unsafeFolder(folder);
  if (problem === null) return folder;
  throw new GuestfsError('ERR_GUESTFS_UNSAFE_PATH', `the directory of templates ${folder} ${problem}`, {
    hint: `remove it: rm -r ${folder}`,
  });
}

/** What makes a folder one that others could have written to; null where nothing does. */
export async function unsafeFolder(folder: string): Promise<string | null> {
  const stat = await lstat(folder);
  const uid = process.geteuid?.();
  if (!stat.isDirectory()) return 'is not a directory';
  if (uid !== undefined && stat.uid !== uid) return `belongs to user ${stat.uid}, not to ${uid}`;
  if ((stat.mode & 0o077) !== 0) return 'is open to other users';
  return null;
}

/** The same of a file; `linked` where other names of it are meant to be. */
export async function unsafeFile(file: string, { linked = false } = {}): Promise<string | null> {
  const stat = await lstat(file);
  const uid = process.geteuid?.();
  if (!stat.isFile()) return 'is not a file';
  if (uid !== undefined && stat.uid !== uid) return `belongs to user ${stat.uid}, not to ${uid}`;
  if (stat.nlink !== 1 && !linked) return 'has another name elsewhere';
  if ((stat.mode & 0o022) !== 0) return 'can be written by other users';
  return null;
}
