import { constants } from 'node:fs';
import { attempt, codeOf, makeError } from './errors.js';
import type { GuestFiles } from './guest.js';
import { parseMode } from './content/open-flags.js';
import { invalid, toGuestPath, type PathLike } from './paths.js';
import { GuestBigIntStats, GuestStats } from './stats.js';

/** A time as node:fs takes it: a Date, or seconds since the epoch as a number or digits. */
export type TimeLike = Date | number | string | bigint;

interface StatOptions {
  readonly bigint?: boolean | undefined;
}

type StatFsField = 'type' | 'bsize' | 'blocks' | 'bfree' | 'bavail' | 'files' | 'ffree';

/** The functions of `g.fs` that ask for or change what is known about a file. */
export interface MetadataFunctions {
  stat(path: PathLike, options?: { bigint?: false | undefined } | null): Promise<GuestStats>;
  stat(path: PathLike, options: { bigint: true }): Promise<GuestBigIntStats>;
  lstat(path: PathLike, options?: { bigint?: false | undefined } | null): Promise<GuestStats>;
  lstat(path: PathLike, options: { bigint: true }): Promise<GuestBigIntStats>;
  /** `type` is 0: the daemon does not tell the filesystem's number. */
  statfs(path: PathLike, options?: { bigint?: false | undefined } | null): Promise<Record<StatFsField, number>>;
  statfs(path: PathLike, options: { bigint: true }): Promise<Record<StatFsField, bigint>>;
  /** Rejects where root in the guest could not do it: the daemon is root, so permission bits hardly matter. */
  access(path: PathLike, mode?: number): Promise<void>;
  exists(path: PathLike): Promise<boolean>;
  chmod(path: PathLike, mode: number | string): Promise<void>;
  chown(path: PathLike, uid: number, gid: number): Promise<void>;
  lchown(path: PathLike, uid: number, gid: number): Promise<void>;
  utimes(path: PathLike, atime: TimeLike, mtime: TimeLike): Promise<void>;
  lutimes(path: PathLike, atime: TimeLike, mtime: TimeLike): Promise<void>;
}

export function createMetadataFunctions(guest: GuestFiles): MetadataFunctions {
  const asStats = (from: Awaited<ReturnType<GuestFiles['statns']>>, options?: StatOptions | null) =>
    options?.bigint === true ? new GuestBigIntStats(from) : new GuestStats(from);

  async function stat(path: PathLike, options?: StatOptions | null) {
    const target = toGuestPath(path);
    return asStats(await attempt({ syscall: 'stat', path: target }, () => guest.statns(target)), options);
  }

  async function lstat(path: PathLike, options?: StatOptions | null) {
    const target = toGuestPath(path);
    return asStats(await attempt({ syscall: 'lstat', path: target }, () => guest.lstatns(target)), options);
  }

  async function access(path: PathLike, mode: number = constants.F_OK) {
    const target = toGuestPath(path);
    const what = { syscall: 'access', path: target };
    const { stMode } = await attempt(what, () => guest.statns(target));
    const kind = Number(stMode) & constants.S_IFMT;
    // The daemon is root: it may read and write all, and run what anybody may run.
    if ((mode & constants.X_OK) !== 0 && kind !== constants.S_IFDIR && (Number(stMode) & 0o111) === 0) {
      throw makeError('EACCES', what);
    }
    if ((mode & constants.W_OK) !== 0) {
      const { flag } = await attempt(what, () => guest.statvfs(target));
      if ((flag & 1n) !== 0n) throw makeError('EROFS', what);
    }
  }

  async function exists(path: PathLike) {
    try {
      await stat(path);
      return true;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(codeOf(error) ?? '')) return false;
      throw error;
    }
  }

  async function chmod(path: PathLike, mode: number | string) {
    const target = toGuestPath(path);
    const bits = parseMode(mode, 0);
    await attempt({ syscall: 'chmod', path: target }, () => guest.chmod(bits, target));
  }

  async function chown(path: PathLike, uid: number, gid: number) {
    const target = toGuestPath(path);
    await attempt({ syscall: 'chown', path: target }, () => guest.chown(uid, gid, target));
  }

  async function lchown(path: PathLike, uid: number, gid: number) {
    const target = toGuestPath(path);
    await attempt({ syscall: 'lchown', path: target }, () => guest.lchown(uid, gid, target));
  }

  async function setTimes(syscall: string, shown: string, target: string, atime: TimeLike, mtime: TimeLike) {
    const [atimeSec, atimeNsec] = toTime(atime, 'atime');
    const [mtimeSec, mtimeNsec] = toTime(mtime, 'mtime');
    await attempt({ syscall, path: shown }, () => guest.utimens(target, atimeSec, atimeNsec, mtimeSec, mtimeNsec));
  }

  async function lutimes(path: PathLike, atime: TimeLike, mtime: TimeLike) {
    const target = toGuestPath(path);
    await setTimes('lutime', target, target, atime, mtime);
  }

  async function utimes(path: PathLike, atime: TimeLike, mtime: TimeLike) {
    const target = toGuestPath(path);
    const what = { syscall: 'utime', path: target };
    const { stMode } = await attempt(what, () => guest.lstatns(target));
    // The daemon's function does not follow a link.
    const isLink = (Number(stMode) & constants.S_IFMT) === constants.S_IFLNK;
    const real = isLink ? await attempt(what, () => guest.realpath(target)) : target;
    await setTimes('utime', target, real, atime, mtime);
  }

  async function statfs(path: PathLike, options?: StatOptions | null) {
    const target = toGuestPath(path);
    const from = await attempt({ syscall: 'statfs', path: target }, () => guest.statvfs(target));
    const { bsize, blocks, bfree, bavail, files, ffree } = from;
    // The daemon does not tell the filesystem's magic number.
    const exact = { type: 0n, bsize, blocks, bfree, bavail, files, ffree };
    if (options?.bigint === true) return exact;
    return Object.fromEntries(Object.entries(exact).map(([name, value]) => [name, Number(value)]));
  }

  return {
    stat: stat as MetadataFunctions['stat'],
    lstat: lstat as MetadataFunctions['lstat'],
    statfs: statfs as MetadataFunctions['statfs'],
    access,
    exists,
    chmod,
    chown,
    lchown,
    utimes,
    lutimes,
  };
}

/** Seconds and nanoseconds of a time. */
function toTime(time: TimeLike, name: string): [seconds: bigint, nanoseconds: bigint] {
  const seconds = time instanceof Date ? time.getTime() / 1000 : Number(time);
  if (!Number.isFinite(seconds)) {
    throw invalid('ERR_INVALID_ARG_TYPE', `The "${name}" argument must be a Date or a number of seconds.`);
  }
  const micros = BigInt(Math.round(seconds * 1_000_000));
  const whole = BigInt(Math.floor(Number(micros) / 1_000_000));
  return [whole, (micros - whole * 1_000_000n) * 1000n];
}
