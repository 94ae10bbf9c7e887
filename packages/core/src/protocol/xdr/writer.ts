import type { GuestfsError } from '../errors.js';
import { argumentTypes } from './argument-types.js';
import { argumentError, tooLargeError } from './errors.js';
import { encodeEscaped, isWellFormed } from './text.js';

const BLOCK = 64 * 1024;

/**
 * Writes XDR items one after the other into a growing block; several messages may go into one.
 *
 * `begin` starts a message, `take` hands out all that was written since the last `take`. An item that cannot be written
 * throws a GuestfsError that names it (`path`): ERR_GUESTFS_ARGUMENT for a wrong value, and
 * ERR_GUESTFS_MESSAGE_TOO_LARGE where the message would be over its limit, before anything is allocated for it.
 */
export class Writer {
  #bytes = Buffer.allocUnsafeSlow(BLOCK);
  #view = new DataView(this.#bytes.buffer);
  #start = 0;
  #at = 0;
  #limitAt = Number.POSITIVE_INFINITY;
  #limit = Number.POSITIVE_INFINITY;
  /** The item that is written next, for messages. */
  path = '';

  /** Bytes that wait for `take`. */
  get pending(): number {
    return this.#at - this.#start;
  }

  /** Starts a message of at most `limit` bytes; returns its place for `setUint32` and `rewind`. */
  begin(limit: number): number {
    this.#limit = limit;
    this.#limitAt = this.pending + limit;
    return this.pending;
  }

  /** Forgets what was written from a place on. */
  rewind(place: number): void {
    this.#at = this.#start + place;
  }

  /** Writes over four bytes that were written before. */
  setUint32(place: number, value: number): void {
    this.#view.setUint32(this.#start + place, value);
  }

  /** What was written from a place on; valid until the next write. */
  peek(place: number): Buffer {
    return this.#bytes.subarray(this.#start + place, this.#at);
  }

  /** All that was written; the bytes are the caller's. */
  take(): Buffer {
    const taken = this.#bytes.subarray(this.#start, this.#at);
    this.#start = this.#at;
    if (this.#bytes.length - this.#at < 1024 || this.#bytes.length > BLOCK) this.#renew(BLOCK);
    return taken;
  }

  /** Bytes as they are: a message that was encoded before. */
  raw(bytes: Buffer): void {
    this.begin(bytes.length);
    this.#need(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  uint32(value: number): void {
    this.#need(4);
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  uint64(value: bigint): void {
    this.#need(8);
    this.#view.setBigUint64(this.#at, value);
    this.#at += 8;
  }

  bool(value: unknown): void {
    if (!argumentTypes.bool.accepts(value)) throw this.#mistake('bool', value);
    this.uint32(value === true ? 1 : 0);
  }

  int32(value: unknown): void {
    if (!argumentTypes.int.accepts(value)) throw this.#mistake('int', value);
    this.#need(4);
    this.#view.setInt32(this.#at, value as number);
    this.#at += 4;
  }

  /** Takes a bigint or a safe integer. */
  int64(value: unknown): void {
    if (!argumentTypes.int64.accepts(value)) throw this.#mistake('int64', value);
    this.#need(8);
    this.#view.setBigInt64(this.#at, BigInt(value as number | bigint));
    this.#at += 8;
  }

  string(value: unknown): void {
    if (typeof value === 'string' && value.length < 64 && this.#ascii(value)) return;
    if (!argumentTypes.string.accepts(value)) throw this.#mistake('string', value);
    this.#text(value as string);
  }

  /** Bytes, or a string of which the UTF-8 bytes are meant. */
  buffer(value: unknown): void {
    if (!argumentTypes.buffer.accepts(value)) throw this.#mistake('buffer', value);
    if (typeof value === 'string') return this.#text(value);
    const { buffer, byteOffset, byteLength } = value as ArrayBufferView;
    this.#opaque(new Uint8Array(buffer, byteOffset, byteLength));
  }

  strings(value: unknown): void {
    if (!Array.isArray(value)) throw this.#mistake('stringlist', value);
    const { path } = this;
    if (value.length * 4 > this.#limit) throw tooLargeError(path, this.#limit);
    this.uint32(value.length);
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      if (typeof item === 'string' && item.length < 64 && this.#ascii(item)) continue;
      this.path = `${path}[${i}]`;
      this.string(item);
    }
    this.path = path;
  }

  #mistake(type: keyof typeof argumentTypes, value: unknown): GuestfsError {
    return argumentError(this.path, argumentTypes[type].mistake(value));
  }

  /** Writes a short string of plain ASCII without NUL; false, and nothing written, when it is another sort. */
  #ascii(value: string): boolean {
    const { length } = value;
    this.#need(4 + ((length + 3) & ~3));
    const bytes = this.#bytes;
    let at = this.#at + 4;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit === 0 || unit > 0x7f) return false;
      bytes[at++] = unit;
    }
    for (let rest = -length & 3; rest > 0; rest--) bytes[at++] = 0;
    this.#view.setUint32(this.#at, length);
    this.#at = at;
    return true;
  }

  #text(value: string): void {
    // A UTF-16 unit takes at least one byte, so this refuses a long string before it is measured.
    if (value.length > this.#limit) throw tooLargeError(this.path, this.#limit);
    if (!isWellFormed(value)) {
      const escaped = encodeEscaped(value);
      if (escaped === null) throw argumentError(this.path, 'must not hold a lone surrogate outside U+DC80 to U+DCFF');
      return this.#opaque(escaped);
    }
    const length = Buffer.byteLength(value);
    this.#need(4 + ((length + 3) & ~3));
    this.#view.setUint32(this.#at, length);
    this.#bytes.write(value, this.#at + 4, length, 'utf8');
    this.#at += 4 + length;
    this.#pad(length);
  }

  #opaque(value: Uint8Array): void {
    const { length } = value;
    this.#need(4 + ((length + 3) & ~3));
    this.#view.setUint32(this.#at, length);
    this.#bytes.set(value, this.#at + 4);
    this.#at += 4 + length;
    this.#pad(length);
  }

  #pad(length: number): void {
    for (let rest = -length & 3; rest > 0; rest--) this.#bytes[this.#at++] = 0;
  }

  #need(count: number): void {
    if (this.pending + count > this.#limitAt) throw tooLargeError(this.path, this.#limit);
    if (this.#at + count > this.#bytes.length) this.#renew(Math.max(BLOCK, 2 * (this.pending + count)));
  }

  /** Goes on in a new block, with what is pending copied over: the old one belongs to who took from it. */
  #renew(size: number): void {
    const bytes = Buffer.allocUnsafeSlow(size);
    this.#bytes.copy(bytes, 0, this.#start, this.#at);
    this.#at -= this.#start;
    this.#start = 0;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
