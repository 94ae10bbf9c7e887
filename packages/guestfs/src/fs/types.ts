import type nodeFs from 'node:fs';
import type { constants } from 'node:fs';
import type { FileContent } from './content.js';
import type { CpOptions } from './copying.js';
import type { GuestDir, GuestDirent } from './dirent.js';
import type { GuestFileHandle } from './file-handle.js';
import type { MkdirOptions, RmOptions } from './folders.js';
import type { TimeLike } from './metadata.js';
import type { PathLike } from './paths.js';
import type { GuestBigIntStats, GuestStats } from './stats.js';
import type { GuestReadStream, GuestWriteStream, ReadStreamOptions, WriteStreamOptions } from './streams.js';

/** Options of readFile: the encoding of the text that is wanted, flags, and a signal. */
export interface ReadFileOptions {
  readonly encoding?: BufferEncoding | null | undefined;
  readonly flag?: string | number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Options of writeFile and appendFile. */
export interface WriteFileOptions extends ReadFileOptions {
  /** Permission bits of a new file, less the daemon's umask; default 0o666. */
  readonly mode?: number | string | undefined;
}

type Encoded = BufferEncoding | { readonly encoding?: BufferEncoding | null | undefined } | null | undefined;
type StatFsField = 'type' | 'bsize' | 'blocks' | 'bfree' | 'bavail' | 'files' | 'ffree';
type AsBuffer = 'buffer' | { readonly encoding: 'buffer' };

/**
 * The files of a guest in the shape of node:fs/promises.
 *
 * Paths are the guest's; one that is not absolute is taken from `/`. What is mounted must have been mounted with
 * `g.mount`. Errors are those of node:fs (`code`, `errno`, `syscall`, `path`), with the GuestfsError as `cause`.
 */
export interface GuestFsPromises {
  readFile(
    path: PathLike | GuestFileHandle,
    options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding }),
  ): Promise<string>;
  readFile(
    path: PathLike | GuestFileHandle,
    options?: (ReadFileOptions & { encoding?: null | undefined }) | null,
  ): Promise<Buffer>;
  readFile(
    path: PathLike | GuestFileHandle,
    options?: ReadFileOptions | BufferEncoding | null,
  ): Promise<string | Buffer>;
  /** Replaces the content of a file, making it when it is not there; `flag` as node:fs has it. */
  writeFile(
    path: PathLike | GuestFileHandle,
    data: FileContent,
    options?: WriteFileOptions | BufferEncoding | null,
  ): Promise<void>;
  appendFile(
    path: PathLike | GuestFileHandle,
    data: FileContent,
    options?: WriteFileOptions | BufferEncoding | null,
  ): Promise<void>;
  /** Opens a file; the handle is a path with a position, see {@link GuestFileHandle}. */
  open(path: PathLike, flags?: string | number, mode?: number | string): Promise<GuestFileHandle>;
  truncate(path: PathLike, length?: number): Promise<void>;
  copyFile(source: PathLike, destination: PathLike, mode?: number): Promise<void>;
  cp(source: PathLike, destination: PathLike, options?: CpOptions): Promise<void>;

  readdir(
    path: PathLike,
    options?:
      | BufferEncoding
      | {
          encoding?: BufferEncoding | null | undefined;
          withFileTypes?: false | undefined;
          recursive?: boolean | undefined;
        }
      | null,
  ): Promise<string[]>;
  readdir(
    path: PathLike,
    options: 'buffer' | { encoding: 'buffer'; withFileTypes?: false | undefined; recursive?: boolean | undefined },
  ): Promise<Buffer[]>;
  readdir(
    path: PathLike,
    options: { encoding: 'buffer'; withFileTypes: true; recursive?: boolean | undefined },
  ): Promise<GuestDirent<Buffer>[]>;
  readdir(
    path: PathLike,
    options: { encoding?: BufferEncoding | null | undefined; withFileTypes: true; recursive?: boolean | undefined },
  ): Promise<GuestDirent[]>;
  /** Reads a folder whole and hands it out entry by entry. */
  opendir(path: PathLike, options?: { readonly recursive?: boolean | undefined } | null): Promise<GuestDir>;
  /** With `recursive` it resolves with the first folder that had to be made, undefined when all was there. */
  mkdir(path: PathLike, options?: MkdirOptions | number | string | null): Promise<string | undefined>;
  mkdtemp(prefix: PathLike, options?: Encoded): Promise<string>;
  rmdir(path: PathLike): Promise<void>;
  rm(path: PathLike, options?: RmOptions | null): Promise<void>;

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

  rename(oldPath: PathLike, newPath: PathLike): Promise<void>;
  unlink(path: PathLike): Promise<void>;
  link(existingPath: PathLike, newPath: PathLike): Promise<void>;
  symlink(target: PathLike, path: PathLike, type?: string | null): Promise<void>;
  readlink(path: PathLike, options?: Encoded): Promise<string>;
  readlink(path: PathLike, options: AsBuffer): Promise<Buffer>;
  realpath(path: PathLike, options?: Encoded): Promise<string>;
  realpath(path: PathLike, options: AsBuffer): Promise<Buffer>;

  readonly constants: typeof constants;
}

/** The functions that node:fs has with a callback. */
type CallbackName =
  | 'access'
  | 'appendFile'
  | 'chmod'
  | 'chown'
  | 'copyFile'
  | 'cp'
  | 'exists'
  | 'lchown'
  | 'link'
  | 'lstat'
  | 'lutimes'
  | 'mkdir'
  | 'mkdtemp'
  | 'readFile'
  | 'readdir'
  | 'readlink'
  | 'realpath'
  | 'rename'
  | 'rm'
  | 'rmdir'
  | 'stat'
  | 'symlink'
  | 'truncate'
  | 'unlink'
  | 'utimes'
  | 'writeFile';

/** Each function in both forms: with a promise, and as node:fs types it with a callback. */
type WithCallbacks = { [Name in CallbackName]: GuestFsPromises[Name] & (typeof nodeFs)[Name] };

/**
 * `g.fs`: every function of {@link GuestFsPromises}, which may also be called with a callback as its last argument, as
 * node:fs has it; and streams. So it serves libraries that want `fs.promises` and those that want callbacks. There are
 * no `…Sync` functions: a guest cannot be waited for without letting the program go on.
 */
export interface GuestFs extends Omit<GuestFsPromises, CallbackName>, WithCallbacks {
  /** A stream of a file; other calls go on while it is read. `start` and `end` are the first and last byte. */
  createReadStream(
    path: PathLike,
    options?: BufferEncoding | (ReadStreamOptions & { flags?: string | undefined }),
  ): GuestReadStream;
  /** A stream into a file; other calls go on while it is written. `flags: 'a'` continues it. */
  createWriteStream(
    path: PathLike,
    options?: BufferEncoding | (WriteStreamOptions & { flags?: string | undefined; mode?: number | undefined }),
  ): GuestWriteStream;
  /** The same with promises only. */
  readonly promises: GuestFsPromises;
}
