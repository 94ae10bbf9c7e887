import { contentOptions, decodeContent, prepareFile, writeContent, type FileContent } from './content.js';
import { attempt } from '../errors.js';
import { GuestFileHandle } from './file-handle.js';
import type { GuestFiles } from '../guest.js';
import type { MetadataFunctions } from '../metadata.js';
import { parseFlags, parseMode } from './open-flags.js';
import { toGuestPath, type PathLike } from '../paths.js';

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

/** The functions of `g.fs` that read and write what files hold. */
export interface ContentFunctions {
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
}

export function createContentFunctions(guest: GuestFiles, metadata: MetadataFunctions): ContentFunctions {
  async function open(path: PathLike, flags: string | number = 'r', mode?: number | string) {
    const target = toGuestPath(path);
    const how = parseFlags(flags);
    await prepareFile(guest, target, how, parseMode(mode, 0o666));
    return new GuestFileHandle(guest, metadata, target, how);
  }

  async function readFile(path: PathLike | GuestFileHandle, options?: unknown) {
    if (path instanceof GuestFileHandle) return path.readFile(options as BufferEncoding);
    const { flag = 'r', signal } = contentOptions(options);
    signal?.throwIfAborted();
    if (flag !== 'r' && flag !== 'rs') return (await open(path, flag)).readFile(options as BufferEncoding);
    const target = toGuestPath(path);
    const bytes = await attempt({ syscall: 'open', path: target }, () => guest.readFile(target, { signal }));
    return decodeContent(bytes, options);
  }

  async function writeFile(path: PathLike | GuestFileHandle, data: FileContent, options?: unknown) {
    if (path instanceof GuestFileHandle) return path.writeFile(data, options as BufferEncoding);
    await writeContent(guest, toGuestPath(path), data, contentOptions(options));
  }

  async function appendFile(path: PathLike | GuestFileHandle, data: FileContent, options?: unknown) {
    if (path instanceof GuestFileHandle) return path.appendFile(data, options as BufferEncoding);
    await writeContent(guest, toGuestPath(path), data, { flag: 'a', ...contentOptions(options) });
  }

  async function truncate(path: PathLike, length = 0) {
    const target = toGuestPath(path);
    await attempt({ syscall: 'open', path: target }, () => guest.truncateSize(target, BigInt(Math.max(0, length))));
  }

  return { open, readFile: readFile as ContentFunctions['readFile'], writeFile, appendFile, truncate };
}
