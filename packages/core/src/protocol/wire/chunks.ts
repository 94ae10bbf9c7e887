import { decodingError } from '../xdr/errors.js';
import { CHUNK_MAX } from './constants.js';

const HEAD = 12;
const SLOT = HEAD + CHUNK_MAX;
/** So many that a block is what a socket takes at once, and so few that it stays in the processor's cache. */
const SLOTS = 32;

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

/**
 * Chunk frames whose data is filled in in place.
 *
 * Full chunks all have the same head, so it is written once and the block can be sent again and again.
 */
export class ChunkBlock {
  /** Where the data of each chunk goes, in order. */
  readonly slots: readonly Buffer[];
  readonly #bytes = Buffer.allocUnsafeSlow(SLOT * SLOTS);
  /** The chunk whose head tells less than a full one's. */
  #short = -1;

  constructor() {
    const slots: Buffer[] = [];
    for (let i = 0; i < SLOTS; i++) {
      this.#head(i, CHUNK_MAX);
      slots.push(this.#bytes.subarray(i * SLOT + HEAD, (i + 1) * SLOT));
    }
    this.slots = slots;
  }

  /** The frames of the first `length` bytes of the slots, at least one. */
  frames(length: number): Buffer {
    if (this.#short >= 0) this.#head(this.#short, CHUNK_MAX);
    this.#short = -1;
    const whole = Math.floor(length / CHUNK_MAX);
    const rest = length % CHUNK_MAX;
    if (rest === 0) return this.#bytes.subarray(0, whole * SLOT);
    this.#short = whole;
    const end = whole * SLOT + HEAD + rest;
    const padded = end + (-rest & 3);
    this.#head(whole, rest);
    this.#bytes.fill(0, end, padded);
    return this.#bytes.subarray(0, padded);
  }

  #head(chunk: number, length: number): void {
    const at = chunk * SLOT;
    this.#bytes.writeUInt32BE(8 + length + (-length & 3), at);
    this.#bytes.writeUInt32BE(0, at + 4);
    this.#bytes.writeUInt32BE(length, at + 8);
  }
}

/** Whether a frame is the one with which a sender gives a file up; no message is as short. */
export function isCancelChunk(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 8 && bytes.readUInt32BE(start) === 1 && bytes.readUInt32BE(start + 4) === 0;
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
