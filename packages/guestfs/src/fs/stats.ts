import { constants } from 'node:fs';
import type { Statns } from '@guestfs/core';

const { S_IFMT, S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK } = constants;

/** What a file is; the questions of node:fs Stats and Dirent. */
export abstract class FileKind {
  /** The type bits of the mode. */
  protected abstract kind(): number;
  isFile(): boolean {
    return this.kind() === S_IFREG;
  }
  isDirectory(): boolean {
    return this.kind() === S_IFDIR;
  }
  isSymbolicLink(): boolean {
    return this.kind() === S_IFLNK;
  }
  isCharacterDevice(): boolean {
    return this.kind() === S_IFCHR;
  }
  isBlockDevice(): boolean {
    return this.kind() === S_IFBLK;
  }
  isFIFO(): boolean {
    return this.kind() === S_IFIFO;
  }
  isSocket(): boolean {
    return this.kind() === S_IFSOCK;
  }
}

/**
 * What `g.fs.stat` gives: the fields of node:fs Stats. Times are in milliseconds with a fraction, and as Dates.
 *
 * Linux keeps no birth time in what the daemon reads, so `birthtime` is the change of the inode, as Node does then.
 */
export class GuestStats extends FileKind {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blksize: number;
  readonly blocks: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;

  constructor(from: Statns) {
    super();
    this.dev = Number(from.stDev);
    this.ino = Number(from.stIno);
    this.mode = Number(from.stMode);
    this.nlink = Number(from.stNlink);
    this.uid = Number(from.stUid);
    this.gid = Number(from.stGid);
    this.rdev = Number(from.stRdev);
    this.size = Number(from.stSize);
    this.blksize = Number(from.stBlksize);
    this.blocks = Number(from.stBlocks);
    this.atimeMs = milliseconds(from.stAtimeSec, from.stAtimeNsec);
    this.mtimeMs = milliseconds(from.stMtimeSec, from.stMtimeNsec);
    this.ctimeMs = milliseconds(from.stCtimeSec, from.stCtimeNsec);
    this.birthtimeMs = this.ctimeMs;
  }

  get atime(): Date {
    return new Date(Math.round(this.atimeMs));
  }
  get mtime(): Date {
    return new Date(Math.round(this.mtimeMs));
  }
  get ctime(): Date {
    return new Date(Math.round(this.ctimeMs));
  }
  get birthtime(): Date {
    return new Date(Math.round(this.birthtimeMs));
  }

  protected override kind(): number {
    return this.mode & S_IFMT;
  }
}

/** What `g.fs.stat` gives with `bigint: true`: every number exact, times also in nanoseconds. */
export class GuestBigIntStats extends FileKind {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: bigint;
  readonly nlink: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly rdev: bigint;
  readonly size: bigint;
  readonly blksize: bigint;
  readonly blocks: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;
  readonly atimeMs: bigint;
  readonly mtimeMs: bigint;
  readonly ctimeMs: bigint;
  readonly birthtimeMs: bigint;

  constructor(from: Statns) {
    super();
    this.dev = from.stDev;
    this.ino = from.stIno;
    this.mode = from.stMode;
    this.nlink = from.stNlink;
    this.uid = from.stUid;
    this.gid = from.stGid;
    this.rdev = from.stRdev;
    this.size = from.stSize;
    this.blksize = from.stBlksize;
    this.blocks = from.stBlocks;
    this.atimeNs = nanoseconds(from.stAtimeSec, from.stAtimeNsec);
    this.mtimeNs = nanoseconds(from.stMtimeSec, from.stMtimeNsec);
    this.ctimeNs = nanoseconds(from.stCtimeSec, from.stCtimeNsec);
    this.birthtimeNs = this.ctimeNs;
    this.atimeMs = this.atimeNs / 1_000_000n;
    this.mtimeMs = this.mtimeNs / 1_000_000n;
    this.ctimeMs = this.ctimeNs / 1_000_000n;
    this.birthtimeMs = this.ctimeMs;
  }

  get atime(): Date {
    return new Date(Number(this.atimeMs));
  }
  get mtime(): Date {
    return new Date(Number(this.mtimeMs));
  }
  get ctime(): Date {
    return new Date(Number(this.ctimeMs));
  }
  get birthtime(): Date {
    return new Date(Number(this.birthtimeMs));
  }

  protected override kind(): number {
    return Number(this.mode) & S_IFMT;
  }
}

function milliseconds(seconds: bigint, nanos: bigint): number {
  return Number(seconds) * 1000 + Number(nanos) / 1_000_000;
}

function nanoseconds(seconds: bigint, nanos: bigint): bigint {
  return seconds * 1_000_000_000n + nanos;
}
