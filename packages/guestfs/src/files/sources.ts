import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { fileURLToPath } from 'node:url';
import { GuestfsError, type ByteFiller } from '@guestfs/core';
import { absolutePath } from '@guestfs/core/appliance';
import { HostFile } from './host-file.js';

/**
 * Where an upload takes its bytes from: a path or file: URL of the host, the bytes themselves, or a stream or async
 * iterable of bytes. A stream is read to its end; it is destroyed when the upload fails.
 */
export type FileSource =
  string | URL | Uint8Array | Readable | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array | string>;

/** A source that is open: its bytes, and how many there will be where that is known. */
export interface OpenSource {
  readonly bytes: AsyncIterable<Uint8Array> | ByteFiller;
  /** Only with it does the daemon report progress. */
  readonly size?: number;
  /** Ends a source that was not read to its end. */
  close(): void;
}

/** Whether a value can be uploaded. */
export function isFileSource(value: unknown): value is FileSource {
  if (typeof value === 'string' || value instanceof URL || ArrayBuffer.isView(value)) return true;
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || isWebStream(value));
}

/** A file of the host by an absolute path, anything else as it is: the program may change its folder before it is opened. */
export function anchorFile<T>(place: T): T | string {
  return typeof place === 'string' && place !== '' ? absolutePath(place) : place;
}

/** Opens a source that is there already, bytes or a stream; null for a file of the host, which {@link openSource} opens. */
export function openStream(operation: string, source: FileSource): OpenSource | null {
  if (typeof source === 'string' || source instanceof URL) return null;
  if (ArrayBuffer.isView(source)) {
    const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
    return { bytes: single(bytes), size: bytes.length, close: () => undefined };
  }
  const stream = Symbol.asyncIterator in source ? source : Readable.fromWeb(source);
  return { bytes: checked(operation, stream), close: () => destroy(stream) };
}

/**
 * Opens a source for one upload.
 *
 * A path that cannot be opened rejects with the host's errno as code, before anything is sent.
 */
export async function openSource(operation: string, source: FileSource): Promise<OpenSource> {
  return openStream(operation, source) ?? openFile(operation, source as string | URL);
}

async function openFile(operation: string, source: string | URL): Promise<OpenSource> {
  const path = hostPath(operation, source);
  try {
    const file = await HostFile.open(path, 'r');
    const { size } = file;
    const close = (): Promise<void> => file.close().catch(() => undefined);
    const bytes = { fill: (buffers: readonly Uint8Array[]) => file.read(buffers), close };
    return { bytes, ...(size !== null && { size }), close: () => void close() };
  } catch (cause) {
    throw hostError(operation, `the file to send, ${path}, cannot be read`, cause);
  }
}

/** The path that a string or a file: URL means; refuses other URLs and what cannot be a path. */
export function hostPath(operation: string, place: string | URL): string {
  if (typeof place === 'string') {
    if (place !== '' && !place.includes('\0')) return place;
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', 'the path of the host is empty or holds a NUL character', {
      operation,
    });
  }
  try {
    return fileURLToPath(place);
  } catch (cause) {
    const hint = 'fetch it first, and pass the body of the response';
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `${place.href} is no file: URL`, { operation, hint, cause });
  }
}

/** A failure of the host's file system as a GuestfsError with the same code. */
export function hostError(operation: string, message: string, cause: unknown, hint?: string): GuestfsError {
  if (GuestfsError.is(cause)) return cause;
  const { code, message: reason } = cause as { code?: unknown; message?: unknown };
  const known = typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : 'ERR_GUESTFS_TRANSFER';
  return new GuestfsError(known, `${message}: ${String(reason)}`, { operation, cause, hint });
}

function destroy(source: AsyncIterable<unknown>): void {
  if (!(source instanceof Readable)) return;
  // Why it ends is told by the call.
  source.on('error', () => undefined);
  source.destroy();
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Passes bytes on, turns strings into UTF-8, and refuses what is neither. */
async function* checked(operation: string, source: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const item of source) {
    if (typeof item === 'string') yield Buffer.from(item);
    else if (ArrayBuffer.isView(item)) yield Buffer.from(item.buffer, item.byteOffset, item.byteLength);
    else {
      throw new GuestfsError('ERR_GUESTFS_TRANSFER', `the source gave ${typeof item} where bytes must be`, {
        operation,
      });
    }
  }
}

function isWebStream(value: object): value is ReadableStream<Uint8Array> {
  return typeof (value as { getReader?: unknown }).getReader === 'function';
}
