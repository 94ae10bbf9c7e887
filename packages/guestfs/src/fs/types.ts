import type nodeFs from 'node:fs';
import type { constants } from 'node:fs';
import type { ContentFunctions } from './content/content-functions.js';
import type { CopyFunctions } from './tree/copying.js';
import type { DirectoryFunctions } from './tree/directories.js';
import type { LinkFunctions } from './tree/links.js';
import type { MetadataFunctions } from './metadata.js';
import type { PathLike } from './paths.js';
import type { GuestReadStream, GuestWriteStream, ReadStreamOptions, WriteStreamOptions } from './content/streams.js';

/** Every function of `g.fs` that gives a promise. */
export interface GuestFsFunctions
  extends ContentFunctions, CopyFunctions, DirectoryFunctions, MetadataFunctions, LinkFunctions {}

/**
 * The files of a guest in the shape of node:fs/promises.
 *
 * Paths are the guest's; one that is not absolute is taken from `/`. What is mounted must have been mounted with
 * `g.mount`. Errors are those of node:fs (`code`, `errno`, `syscall`, `path`), with the GuestfsError as `cause`.
 */
export interface GuestFsPromises extends GuestFsFunctions {
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
export type WithCallbacks = Omit<GuestFsFunctions, CallbackName> & {
  [Name in CallbackName]: GuestFsFunctions[Name] & (typeof nodeFs)[Name];
};

/** The functions of `g.fs` that make a stream. */
export interface StreamFunctions {
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
}

/**
 * `g.fs`: every function of {@link GuestFsPromises}, which may also be called with a callback as its last argument, as
 * node:fs has it; and streams. So it serves libraries that want `fs.promises` and those that want callbacks. There are
 * no `…Sync` functions: a guest cannot be waited for without letting the program go on.
 */
export interface GuestFs extends WithCallbacks, StreamFunctions {
  readonly constants: typeof constants;
  /** The same with promises only. */
  readonly promises: GuestFsPromises;
}
