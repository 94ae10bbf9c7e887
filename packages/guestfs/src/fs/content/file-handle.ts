import { createInterface, type Interface } from 'node:readline';
import {
  appendBytes,
  contentOptions,
  decodeContent,
  PIECE,
  readBytes,
  toBytes,
  writeBytes,
  writeContent,
  type ContentOptions,
  type FileContent,
} from './content.js';
import { attempt, makeError } from '../errors.js';
import type { GuestFiles } from '../guest.js';
import type { OpenMode } from './open-flags.js';
import type { MetadataFunctions, TimeLike } from '../metadata.js';
import type { GuestBigIntStats, GuestStats } from '../stats.js';
import { GuestReadStream, GuestWriteStream, type ReadStreamOptions, type WriteStreamOptions } from './streams.js';

/** Where and how much to read or write. */
export interface ReadOptions {
  readonly buffer?: NodeJS.ArrayBufferView | undefined;
  readonly offset?: number | null | undefined;
  readonly length?: number | null | undefined;
  readonly position?: number | bigint | null | undefined;
}

/**
 * A file of the guest that is open, as `g.fs.open` gives it: the methods of node:fs FileHandle.
 *
 * The daemon keeps no file open between calls, so this is a path with a position: if the file is renamed or removed
 * meanwhile, later calls fail or reach the new file of that name. There is no `fd`.
 */
export class GuestFileHandle {
  /** The file's path. */
  readonly path: string;
  readonly #guest: GuestFiles;
  readonly #metadata: MetadataFunctions;
  readonly #mode: OpenMode;
  #position = 0;
  #closed = false;

  constructor(guest: GuestFiles, metadata: MetadataFunctions, path: string, mode: OpenMode) {
    this.#guest = guest;
    this.#metadata = metadata;
    this.path = path;
    this.#mode = mode;
  }

  /** Reads into a buffer, by default 16 KiB of its own, from `position` or where the last read ended. */
  async read<Into extends NodeJS.ArrayBufferView = Buffer>(
    bufferOrOptions?: Into | ReadOptions | null,
    offsetOrOptions?: number | ReadOptions | null,
    length?: number | null,
    position?: number | bigint | null,
  ): Promise<{ bytesRead: number; buffer: Into }> {
    this.#check('read', this.#mode.read);
    const given = ArrayBuffer.isView(bufferOrOptions) ? bufferOrOptions : undefined;
    const options: ReadOptions =
      given === undefined
        ? ((bufferOrOptions as ReadOptions | null | undefined) ?? {})
        : typeof offsetOrOptions === 'object' && offsetOrOptions !== null
          ? offsetOrOptions
          : { offset: offsetOrOptions ?? 0, length, position };
    const buffer = given ?? options.buffer ?? Buffer.alloc(16 * 1024);
    const offset = options.offset ?? 0;
    const wanted = options.length ?? buffer.byteLength - offset;
    checkRange(offset, wanted, buffer.byteLength);
    const at = positionOf(options.position);
    const bytes = await readBytes(this.#guest, this.path, at ?? this.#position, wanted);
    toBytes(buffer).set(bytes, offset);
    if (at === null) this.#position += bytes.length;
    return { bytesRead: bytes.length, buffer: buffer as Into };
  }

  /** Reads into several buffers, one after the other. */
  async readv<Into extends NodeJS.ArrayBufferView>(buffers: readonly Into[], position?: number | null) {
    const length = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
    const { bytesRead, buffer } = await this.read(Buffer.alloc(length), { position });
    let at = 0;
    for (const into of buffers) {
      toBytes(into).set(buffer.subarray(at, Math.min(at + into.byteLength, bytesRead)));
      at = Math.min(at + into.byteLength, bytesRead);
    }
    return { bytesRead, buffers };
  }

  /** Writes bytes (offset, length, position) or text (position, encoding); with `a` always at the end. */
  async write<From extends NodeJS.ArrayBufferView | string>(
    data: From,
    offsetOrPosition?: number | ReadOptions | null,
    lengthOrEncoding?: number | BufferEncoding | null,
    position?: number | bigint | null,
  ): Promise<{ bytesWritten: number; buffer: From }> {
    this.#check('write', this.#mode.write);
    const { bytes, at } = pieceToWrite(data, offsetOrPosition, lengthOrEncoding, position);
    if (this.#mode.append) {
      await appendBytes(this.#guest, this.path, bytes);
    } else {
      await writeBytes(this.#guest, this.path, bytes, at ?? this.#position);
      if (at === null) this.#position += bytes.length;
    }
    return { bytesWritten: bytes.length, buffer: data };
  }

  /** Writes several buffers, one after the other. */
  async writev<From extends NodeJS.ArrayBufferView>(buffers: readonly From[], position?: number | null) {
    const { bytesWritten } = await this.write(Buffer.concat(buffers.map((each) => toBytes(each))), { position });
    return { bytesWritten, buffers };
  }

  /** Reads from the current position to the end. */
  async readFile(options?: ContentOptions | BufferEncoding | null): Promise<string | Buffer> {
    this.#check('read', this.#mode.read);
    const pieces: Buffer[] = [];
    for (;;) {
      contentOptions(options).signal?.throwIfAborted();
      const piece = await readBytes(this.#guest, this.path, this.#position, PIECE);
      this.#position += piece.length;
      pieces.push(piece);
      if (piece.length < PIECE) return decodeContent(Buffer.concat(pieces), options);
    }
  }

  /** Writes from the current position on; what was there behind it stays. */
  async writeFile(data: FileContent, options?: ContentOptions | BufferEncoding | null): Promise<void> {
    const { encoding, signal } = contentOptions(options);
    this.#check('write', this.#mode.write);
    const pieces = typeof data === 'string' || ArrayBuffer.isView(data) ? [data] : data;
    for await (const piece of pieces as AsyncIterable<string | NodeJS.ArrayBufferView>) {
      signal?.throwIfAborted();
      await this.write(toBytes(piece, encoding));
    }
  }

  async appendFile(data: FileContent, options?: ContentOptions | BufferEncoding | null): Promise<void> {
    this.#check('write', this.#mode.write);
    await writeContent(this.#guest, this.path, data, { ...contentOptions(options), flag: 'a' });
  }

  async truncate(length = 0): Promise<void> {
    this.#check('ftruncate', this.#mode.write, 'EINVAL');
    await attempt({ syscall: 'ftruncate', path: this.path }, () =>
      this.#guest.truncateSize(this.path, BigInt(Math.max(0, length))),
    );
  }

  async stat(options?: { readonly bigint?: false | undefined }): Promise<GuestStats>;
  async stat(options: { readonly bigint: true }): Promise<GuestBigIntStats>;
  async stat(options?: { readonly bigint?: boolean | undefined }): Promise<GuestStats | GuestBigIntStats> {
    this.#check('fstat', true);
    return options?.bigint === true ? this.#metadata.stat(this.path, { bigint: true }) : this.#metadata.stat(this.path);
  }

  async chmod(mode: number | string): Promise<void> {
    this.#check('fchmod', true);
    await this.#metadata.chmod(this.path, mode);
  }

  async chown(uid: number, gid: number): Promise<void> {
    this.#check('fchown', true);
    await this.#metadata.chown(this.path, uid, gid);
  }

  async utimes(atime: TimeLike, mtime: TimeLike): Promise<void> {
    this.#check('futime', true);
    await this.#metadata.utimes(this.path, atime, mtime);
  }

  /** Makes all that was written to the guest's disks lasting, not only this file. */
  async sync(): Promise<void> {
    this.#check('fsync', true);
    await attempt({ syscall: 'fsync' }, () => this.#guest.sync());
  }

  async datasync(): Promise<void> {
    await this.sync();
  }

  /** A stream of this file; it closes the handle at its end unless `autoClose` is false. */
  createReadStream(options: ReadStreamOptions = {}): GuestReadStream {
    this.#check('read', this.#mode.read);
    return new GuestReadStream(this.path, () => Promise.resolve(this), { start: this.#position, ...options });
  }

  /** A stream into this file; it closes the handle at its end unless `autoClose` is false. */
  createWriteStream(options: WriteStreamOptions = {}): GuestWriteStream {
    this.#check('write', this.#mode.write);
    return new GuestWriteStream(this.path, () => Promise.resolve(this), { start: this.#position, ...options });
  }

  /** Yields the file's lines without their ends. */
  readLines(options: ReadStreamOptions = {}): Interface {
    return createInterface({ input: this.createReadStream(options), crlfDelay: Infinity });
  }

  /** Ends it; the daemon is not asked. Later calls reject with EBADF. */
  async close(): Promise<void> {
    this.#check('close', true);
    this.#closed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
  }

  #check(syscall: string, allowed: boolean, code = 'EBADF'): void {
    if (this.#closed) throw makeError('EBADF', { syscall });
    if (!allowed) throw makeError(code, { syscall });
  }
}

function pieceToWrite(
  data: NodeJS.ArrayBufferView | string,
  second: number | ReadOptions | null | undefined,
  third: number | BufferEncoding | null | undefined,
  fourth: number | bigint | null | undefined,
): { bytes: Buffer; at: number | null } {
  if (typeof data === 'string') {
    const encoding = typeof third === 'string' ? third : 'utf8';
    return { bytes: Buffer.from(data, encoding), at: typeof second === 'number' ? second : null };
  }
  const options: ReadOptions =
    typeof second === 'object' && second !== null
      ? second
      : { offset: second, length: typeof third === 'number' ? third : null, position: fourth };
  const bytes = toBytes(data);
  const offset = options.offset ?? 0;
  const length = options.length ?? bytes.length - offset;
  checkRange(offset, length, bytes.length);
  return { bytes: bytes.subarray(offset, offset + length), at: positionOf(options.position) };
}

/** A position in a file; null, like a negative one, means the current. */
function positionOf(position: number | bigint | null | undefined): number | null {
  return position === undefined || position === null || position < 0 ? null : Number(position);
}

function checkRange(offset: number, length: number, size: number): void {
  const fits =
    Number.isInteger(offset) && Number.isInteger(length) && offset >= 0 && length >= 0 && offset + length <= size;
  if (fits) return;
  const message = `The value of "offset" or "length" is out of range: ${offset} and ${length} of ${size} bytes`;
  throw Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
}
