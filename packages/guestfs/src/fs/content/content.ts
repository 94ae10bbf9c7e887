import { constants } from 'node:fs';
import type { Readable } from 'node:stream';
import { attempt, codeOf, makeError, type Attempt } from '../errors.js';
import type { GuestFiles } from '../guest.js';
import { parseFlags, parseMode, type OpenMode } from './open-flags.js';
import { encodingOf, invalid } from '../paths.js';

/** How much is sent or asked for in one message, which may hold 4 MiB. */
export const PIECE = 2 * 1024 * 1024;

/** What node:fs takes as the content of a file. */
export type FileContent =
  | string
  | NodeJS.ArrayBufferView
  | Iterable<string | NodeJS.ArrayBufferView>
  | AsyncIterable<string | NodeJS.ArrayBufferView>
  | Readable;

export interface ContentOptions {
  readonly encoding?: BufferEncoding | null | undefined;
  readonly mode?: number | string | undefined;
  readonly flag?: string | number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The options of readFile and its kin, which may be just an encoding. */
export function contentOptions(options: unknown): ContentOptions {
  if (typeof options === 'string') return { encoding: options as BufferEncoding };
  return options ?? {};
}

/** Bytes as the caller wants them: a Buffer, or text in an encoding. */
export function decodeContent(bytes: Buffer, options: unknown): string | Buffer {
  const encoding = encodingOf(options);
  return encoding === undefined || encoding === null || encoding === 'buffer' ? bytes : bytes.toString(encoding);
}

/**
 * Does what opening a file does: looks whether it is there, makes it, empties it.
 *
 * `mode` is that of a new file, less the daemon's umask. Making is atomic, so two that ask for an exclusive one never
 * both succeed.
 */
export async function prepareFile(guest: GuestFiles, path: string, open: OpenMode, mode: number): Promise<void> {
  const what: Attempt = { syscall: 'open', path };
  if (open.create && (await makeFile(guest, what, path, mode, open.exclusive))) return;
  const stats = await attempt(what, () => guest.statns(path)).catch(async (error: unknown) => {
    if (!open.create || codeOf(error) !== 'ENOENT') throw error;
    // A link to a file that is not there yet.
    await attempt(what, () => guest.write(path, ''));
    return null;
  });
  if (stats === null) return;
  if (open.write && (Number(stats.stMode) & constants.S_IFMT) === constants.S_IFDIR) throw makeError('EISDIR', what);
  if (open.truncate && open.write) await attempt(what, () => guest.truncateSize(path, 0n));
}

/** Resolves with whether the file is new. */
async function makeFile(guest: GuestFiles, what: Attempt, path: string, mode: number, exclusive: boolean) {
  try {
    await attempt(what, () => guest.mknod(constants.S_IFREG | mode, 0, 0, path));
    return true;
  } catch (error) {
    if (exclusive || codeOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** Replaces or continues the content of a file, as `flag` says. */
export async function writeContent(
  guest: GuestFiles,
  path: string,
  data: FileContent,
  options: ContentOptions,
): Promise<void> {
  options.signal?.throwIfAborted();
  const open = parseFlags(options.flag ?? 'w');
  if (!open.write) throw makeError('EBADF', { syscall: 'write', path });
  const what: Attempt = { syscall: 'open', path };
  const { signal } = options;
  const plain = open.create && open.truncate && !open.exclusive && options.mode === undefined;
  if (!plain) await prepareFile(guest, path, open, parseMode(options.mode, 0o666));
  if (isBytes(data)) {
    const bytes = toBytes(data, options.encoding);
    if (open.append) return appendBytes(guest, path, bytes, signal);
    if (!open.truncate) return writeBytes(guest, path, bytes, 0, signal);
    if (bytes.length <= PIECE) await attempt(what, () => guest.write(path, bytes, { signal }));
    else await uploadBytes(guest, path, bytes, signal);
    return;
  }
  if (open.append || !open.truncate) {
    let at = 0;
    for await (const piece of data) {
      const bytes = toBytes(piece, options.encoding);
      if (open.append) await appendBytes(guest, path, bytes, signal);
      else await writeBytes(guest, path, bytes, at, signal);
      at += bytes.length;
    }
    return;
  }
  // Not as one upload: the source may itself read from the guest, and an upload keeps the line to itself.
  await attempt(what, () => guest.write(path, '', { signal }));
  for await (const piece of data) await appendBytes(guest, path, toBytes(piece, options.encoding), signal);
}

/** Replaces the content of a file with more than a message holds. */
async function uploadBytes(guest: GuestFiles, path: string, bytes: Buffer, signal?: AbortSignal): Promise<void> {
  try {
    await attempt({ syscall: 'open', path }, () => guest.upload(bytes, path, { signal }));
  } catch (error) {
    // The daemon does not say why a write of an upload failed, a full disk for one; of a write by itself it does.
    if (codeOf(error) === 'ERR_GUESTFS_DAEMON') await appendBytes(guest, path, bytes.subarray(0, PIECE), signal);
    throw error;
  }
}

/** Adds bytes to the end of a file. */
export async function appendBytes(guest: GuestFiles, path: string, bytes: Buffer, signal?: AbortSignal): Promise<void> {
  for (let at = 0; at < bytes.length; at += PIECE) {
    const piece = bytes.subarray(at, at + PIECE);
    await attempt({ syscall: 'write', path }, () => guest.writeAppend(path, piece, { signal }));
  }
}

/** Writes bytes at a place of a file that exists. */
export async function writeBytes(
  guest: GuestFiles,
  path: string,
  bytes: Buffer,
  position: number,
  signal?: AbortSignal,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const piece = bytes.subarray(at, at + PIECE);
    const offset = BigInt(position + at);
    at += await attempt({ syscall: 'write', path }, () => guest.pwrite(path, piece, offset, { signal }));
  }
}

/** Reads at a place of a file; fewer bytes than asked for mean its end. */
export async function readBytes(guest: GuestFiles, path: string, position: number, length: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let done = 0;
  while (done < length) {
    const count = Math.min(PIECE, length - done);
    const offset = BigInt(position + done);
    const piece = await attempt({ syscall: 'read', path }, () => guest.pread(path, count, offset));
    pieces.push(piece);
    done += piece.length;
    if (piece.length < count) break;
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

function isBytes(data: FileContent): data is string | NodeJS.ArrayBufferView {
  return typeof data === 'string' || ArrayBuffer.isView(data);
}

/** Text or a view as a Buffer. */
export function toBytes(data: unknown, encoding?: BufferEncoding | null): Buffer {
  if (typeof data === 'string') return Buffer.from(data, encoding ?? 'utf8');
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  throw invalid(
    'ERR_INVALID_ARG_TYPE',
    'The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView, or an iterable of them.',
  );
}
