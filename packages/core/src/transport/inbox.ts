import type { OnReadOpts } from 'node:net';

/** How much is read at once, in bytes: what the kernel holds for a Unix socket at most. */
const SIZE = 256 * 1024;

/**
 * Reads a socket into one buffer that is used again and again, and hands copies on.
 *
 * Node otherwise makes a new buffer of 64 KiB for every read, which costs more than the copy, above all where the
 * answers are small. Give `onread` to the socket when it is made.
 */
export class Inbox {
  readonly onread: OnReadOpts;
  #early: Buffer | null = null;
  #deliver: ((bytes: Buffer) => void) | null = null;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(SIZE);
    this.onread = { buffer, callback: (length) => this.#read(Buffer.from(buffer.subarray(0, length))) };
  }

  /** Who gets the bytes from now on, and at once what has come earlier; the socket is to be resumed then. */
  open(deliver: (bytes: Buffer) => void): void {
    this.#deliver = deliver;
    const early = this.#early;
    this.#early = null;
    if (early !== null) deliver(early);
  }

  /** False pauses the socket. */
  #read(bytes: Buffer): boolean {
    if (this.#deliver !== null) {
      this.#deliver(bytes);
      return true;
    }
    this.#early = this.#early === null ? bytes : Buffer.concat([this.#early, bytes]);
    return false;
  }
}
