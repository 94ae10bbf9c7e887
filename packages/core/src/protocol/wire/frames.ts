import { GuestfsError } from '../errors.js';
import { CANCEL_FLAG, LAUNCH_FLAG, MESSAGE_MAX, PROGRESS_FLAG, PROGRESS_OFFSET, PROGRESS_SIZE } from './constants.js';

/** What a {@link FrameDecoder} finds. Nothing is called after one of these threw. */
export interface FrameReceiver {
  /**
   * A message or a file chunk: the bytes from `start` to `end`, without the length word. They are the receiver's only
   * until it returns, but for `owned` ones, which it may keep.
   */
  frame(bytes: Buffer, start: number, end: number, owned: boolean): void;
  progress(proc: number, serial: number, position: bigint, total: bigint): void;
  launched(): void;
  cancelled(): void;
}

/**
 * Cuts a stream of bytes into frames, however it is split.
 *
 * A frame that lies whole in one received buffer is passed on in place; only one that is spread over several is copied.
 * A word that is neither a flag nor a length of at most 4 MiB throws ERR_GUESTFS_PROTOCOL, as nothing after it has a
 * meaning.
 */
export class FrameDecoder {
  readonly #receiver: FrameReceiver;
  /** The frame that is not yet whole: its bytes so far, and whether it is a progress frame. */
  #body: Buffer | null = null;
  #have = 0;
  #isProgress = false;
  /** A length word that is not yet whole. */
  #word = 0;
  #wordHave = 0;
  #consumed = 0;

  constructor(receiver: FrameReceiver) {
    this.#receiver = receiver;
  }

  /** Whether the stream is between two frames: it may end here. */
  get atBoundary(): boolean {
    return this.#body === null && this.#wordHave === 0;
  }

  push(bytes: Buffer): void {
    const { length } = bytes;
    let at = 0;
    while (at < length) {
      if (this.#body !== null) {
        at += this.#fill(this.#body, bytes, at);
        continue;
      }
      if (this.#wordHave > 0 || length - at < 4) {
        this.#word = ((this.#word << 8) | bytes[at++]!) >>> 0;
        if (++this.#wordHave < 4) continue;
        this.#wordHave = 0;
      } else {
        this.#word = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
        at += 4;
      }
      at = this.#begin(this.#word, bytes, at);
    }
    this.#consumed += length;
  }

  /** A length word or flag has come; returns how far `bytes` was used. */
  #begin(word: number, bytes: Buffer, at: number): number {
    this.#word = 0;
    let size = word;
    if (word > MESSAGE_MAX) {
      if (word === LAUNCH_FLAG) {
        this.#receiver.launched();
        return at;
      }
      if (word === CANCEL_FLAG) {
        this.#receiver.cancelled();
        return at;
      }
      if (word !== PROGRESS_FLAG) throw lostSynchronization(word, this.#consumed + at - 4);
      size = PROGRESS_SIZE;
    }
    this.#isProgress = word === PROGRESS_FLAG;
    if (bytes.length - at >= size) {
      this.#deliver(bytes, at, at + size, false);
      return at + size;
    }
    this.#body = Buffer.allocUnsafeSlow(size);
    this.#have = 0;
    return at;
  }

  #fill(body: Buffer, bytes: Buffer, at: number): number {
    const count = Math.min(body.length - this.#have, bytes.length - at);
    bytes.copy(body, this.#have, at, at + count);
    this.#have += count;
    if (this.#have === body.length) {
      this.#body = null;
      this.#deliver(body, 0, body.length, true);
    }
    return count;
  }

  #deliver(bytes: Buffer, start: number, end: number, owned: boolean): void {
    if (!this.#isProgress) return this.#receiver.frame(bytes, start, end, owned);
    this.#receiver.progress(
      bytes.readUInt32BE(start + PROGRESS_OFFSET.procedure),
      bytes.readUInt32BE(start + PROGRESS_OFFSET.serial),
      bytes.readBigUInt64BE(start + PROGRESS_OFFSET.position),
      bytes.readBigUInt64BE(start + PROGRESS_OFFSET.total),
    );
  }
}

function lostSynchronization(word: number, offset: number): GuestfsError {
  const shown = `0x${word.toString(16).padStart(8, '0')}`;
  return new GuestfsError(
    'ERR_GUESTFS_PROTOCOL',
    `lost synchronization with the daemon: ${shown} where a length of at most ${MESSAGE_MAX} must be (byte ${offset} of the connection)`,
    { hint: 'the peer is not a guestfs daemon, or something else wrote to its socket; connect anew' },
  );
}
