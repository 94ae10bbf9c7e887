import { decodingError } from '../xdr/errors.js';
import { CHUNK_MAX } from './constants.js';

const HEAD = 12;
const SLOT = HEAD + CHUNK_MAX;
const SLOTS = 16;

/** The frame that ends a file. */
export function endChunk(): Buffer {
  return Buffer.from([0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
}

/** The frame with which the sender gives a file up. */
export function cancelChunk(): Buffer {
  return Buffer.from([0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0]);
}

/** The word with which the receiver gives a file up. */
export function cancelWord(): Buffer {
  return Buffer.from([0xff, 0xff, 0xee, 0xee]);
}

/** Packs the bytes of a file into chunk frames, up to 128 KiB of them in one buffer. */
export class ChunkPacker {
  #bytes: Buffer | null = null;
  #at = 0;
  /** Data bytes in the chunk that is being filled. */
  #filled = 0;

  /** Packs from `data`, from `offset` on, until it is used up or the buffer is full; returns where it stopped. */
  pack(data: Buffer, offset: number): number {
    const bytes = (this.#bytes ??= Buffer.allocUnsafeSlow(SLOT * SLOTS));
    let from = offset;
    while (from < data.length && this.#at < bytes.length) {
      const count = Math.min(CHUNK_MAX - this.#filled, data.length - from);
      data.copy(bytes, this.#at + HEAD + this.#filled, from, from + count);
      this.#filled += count;
      from += count;
      if (this.#filled === CHUNK_MAX) this.#close(bytes);
    }
    return from;
  }

  get full(): boolean {
    return this.#bytes !== null && this.#at === this.#bytes.length;
  }

  /** The frames packed so far, null when there are none; the buffer is the caller's. */
  take(): Buffer | null {
    const bytes = this.#bytes;
    if (bytes === null) return null;
    if (this.#filled > 0) this.#close(bytes);
    const taken = bytes.subarray(0, this.#at);
    this.#bytes = null;
    this.#at = 0;
    return taken.length === 0 ? null : taken;
  }

  #close(bytes: Buffer): void {
    const length = this.#filled;
    const padding = -length & 3;
    bytes.writeUInt32BE(8 + length + padding, this.#at);
    bytes.writeUInt32BE(0, this.#at + 4);
    bytes.writeUInt32BE(length, this.#at + 8);
    this.#at += HEAD + length;
    bytes.fill(0, this.#at, this.#at + padding);
    this.#at += padding;
    this.#filled = 0;
  }
}

export const CHUNK_END = -1;
export const CHUNK_CANCELLED = -2;

/**
 * Checks a chunk that lies from `start` to `end` (without its length word).
 *
 * Returns the length of its data, which starts 8 bytes after `start`, or CHUNK_END or CHUNK_CANCELLED.
 */
export function readChunk(bytes: Buffer, start: number, end: number): number {
  if (end - start < 8) throw decodingError(`a chunk of ${end - start} bytes`, 0, 'chunk');
  const cancel = bytes.readInt32BE(start);
  const length = bytes.readUInt32BE(start + 4);
  if (cancel !== 0 && cancel !== 1) throw decodingError(`${cancel} where 0 or 1 must be`, 0, 'chunk.cancel');
  if (length > CHUNK_MAX)
    throw decodingError(`a length of ${length}, at most ${CHUNK_MAX} is allowed`, 4, 'chunk.data');
  const dataEnd = start + 8 + length;
  if (dataEnd + (-length & 3) !== end) {
    throw decodingError(`a length of ${length} in a chunk of ${end - start} bytes`, 4, 'chunk.data');
  }
  for (let at = dataEnd; at < end; at++) {
    if (bytes[at] !== 0) throw decodingError('padding that is not zero', at - start, 'chunk.data');
  }
  if (cancel === 1) return CHUNK_CANCELLED;
  return length === 0 ? CHUNK_END : length;
}
