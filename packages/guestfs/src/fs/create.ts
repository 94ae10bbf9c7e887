import { constants } from 'node:fs';
import { withAnswer, withCallback } from './callbacks.js';
import { contentOptions, decodeContent, prepareFile, writeContent, type FileContent } from './content.js';
import { copyFunctions } from './copying.js';
import { attempt } from './errors.js';
import { GuestFileHandle } from './file-handle.js';
import { folderFunctions } from './folders.js';
import type { GuestFiles } from './guest.js';
import { linkFunctions } from './links.js';
import { metadataFunctions } from './metadata.js';
import { parseFlags, parseMode } from './open-flags.js';
import { toGuestPath, type PathLike } from './paths.js';
import { GuestReadStream, GuestWriteStream, type ReadStreamOptions, type WriteStreamOptions } from './streams.js';
import type { GuestFs, GuestFsPromises } from './types.js';

/**
 * Makes `g.fs` of a handle.
 *
 * Every function is an own property that needs no `this`, as programs take node:fs apart, copy and bind it.
 */
export function createGuestFs(guest: GuestFiles): GuestFs {
  const metadata = metadataFunctions(guest);
  const folders = folderFunctions(guest);
  const links = linkFunctions(guest);
  const copying = copyFunctions(guest, { ...metadata, ...folders, ...links });

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

  const functions = { open, readFile, writeFile, appendFile, truncate, ...metadata, ...folders, ...links, ...copying };
  const promises = { ...functions, constants } as GuestFsPromises;
  const both = Object.fromEntries(
    Object.entries(functions).map(([name, work]) => [
      name,
      withCallback(work as (...args: never[]) => Promise<unknown>),
    ]),
  );
  both['exists'] = withAnswer(functions.exists);
  // Node has two forms of it; here both ask the guest.
  Object.assign(both['realpath'] ?? {}, { native: both['realpath'] });

  function createReadStream(path: PathLike, options?: BufferEncoding | (ReadStreamOptions & { flags?: string })) {
    const own = typeof options === 'string' ? { encoding: options } : (options ?? {});
    const target = toGuestPath(path);
    return new GuestReadStream(target, () => open(target, own.flags ?? 'r'), own);
  }

  function createWriteStream(
    path: PathLike,
    options?: BufferEncoding | (WriteStreamOptions & { flags?: string; mode?: number }),
  ) {
    const own = typeof options === 'string' ? { encoding: options } : (options ?? {});
    const target = toGuestPath(path);
    // A stream that begins in the middle leaves what is before.
    const flags = own.flags ?? (own.start === undefined ? 'w' : 'r+');
    return new GuestWriteStream(target, () => open(target, flags, own.mode), own);
  }

  return { ...both, createReadStream, createWriteStream, constants, promises } as unknown as GuestFs;
}
