import { GuestfsError } from '@guestfs/core';
import type { Procedure, Stat, Statns, Xattr } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';

/** Names in one call at most: the status of more would not be a problem, the names of more may be. */
const STATUS_BATCH = 1000;
/** A link's target has up to 4 KiB, and the values of one file's attributes may fill 64 KiB. */
const CONTENT_BATCH = 200;
/** Bytes of names in one call at most, far below the message limit. */
const NAMES_MAX = 1024 * 1024;

export const stat = async (run: Run, path: string): Promise<Stat> => toStat(await run.call(procedures.statns, [path]));

export const lstat = async (run: Run, path: string): Promise<Stat> =>
  toStat(await run.call(procedures.lstatns, [path]));

export const lstatnslist = (run: Run, path: string, names: readonly string[]): Promise<Statns[]> =>
  inBatches(run, procedures.internalLstatnslist, path, names, STATUS_BATCH);

export const lstatlist = async (run: Run, path: string, names: readonly string[]): Promise<Stat[]> =>
  (await lstatnslist(run, path, names)).map(toStat);

export function lxattrlist(run: Run, path: string, names: readonly string[]): Promise<Xattr[]> {
  // The only answers that may be too large, and then asked for again in halves.
  run.hold();
  return inBatches(run, procedures.internalLxattrlist, path, names, CONTENT_BATCH);
}

export const readlinklist = (run: Run, path: string, names: readonly string[]): Promise<string[]> =>
  inBatches(run, procedures.internalReadlinklist, path, names, CONTENT_BATCH);

/** Asks for many names in calls that stay below the message limit; all are sent ahead. */
async function inBatches<Item>(
  run: Run,
  procedure: Procedure<Item[]>,
  path: string,
  names: readonly string[],
  most: number,
): Promise<Item[]> {
  const batches = split(names, most).map((batch) => askInHalves(run, procedure, path, batch));
  const lists = await Promise.all(batches);
  return lists.length === 1 ? (lists[0] as Item[]) : lists.flat();
}

/** An answer over the message limit is refused by the daemon without an errno: then each half is asked for alone. */
async function askInHalves<Item>(
  run: Run,
  procedure: Procedure<Item[]>,
  path: string,
  names: readonly string[],
): Promise<Item[]> {
  try {
    return await run.call(procedure, [path, names]);
  } catch (error) {
    if (names.length < 2 || !GuestfsError.is(error) || error.code !== 'ERR_GUESTFS_DAEMON') throw error;
    const middle = names.length >> 1;
    const first = await askInHalves(run, procedure, path, names.slice(0, middle));
    return first.concat(await askInHalves(run, procedure, path, names.slice(middle)));
  }
}

function split(names: readonly string[], most: number): string[][] {
  const batches: string[][] = [];
  let batch: string[] = [];
  let bytes = 0;
  for (const name of names) {
    const size = 8 + 3 * name.length;
    if (batch.length >= most || (batch.length > 0 && bytes + size > NAMES_MAX)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(name);
    bytes += size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

function toStat(status: Statns): Stat {
  return {
    dev: status.stDev,
    ino: status.stIno,
    mode: status.stMode,
    nlink: status.stNlink,
    uid: status.stUid,
    gid: status.stGid,
    rdev: status.stRdev,
    size: status.stSize,
    blksize: status.stBlksize,
    blocks: status.stBlocks,
    atime: status.stAtimeSec,
    mtime: status.stMtimeSec,
    ctime: status.stCtimeSec,
  };
}
