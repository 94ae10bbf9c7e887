import type { OnReadOpts } from 'node:net';

/** How much is read at once, in bytes: what the kernel holds for a Unix socket at most. */
const SIZE = 256 * 1024;

/**
 * Reads a socket into one buffer that is used again and again: it stays in the processor's cache, where Node would make
 * a new one of 64 KiB for every read. Give `onread` to the socket when it is made.
 */
export class Inbox {
  readonly onread: OnReadOpts;
  #early: Buffer | null = null;
  #deliver: ((bytes: Buffer) => void) | null = null;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(SIZE);
    this.onread = { buffer, callback: (length) => this.#read(buffer.subarray(0, length)) };
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
    this.#early = Buffer.concat(this.#early === null ? [bytes] : [this.#early, bytes]);
    return false;
  }
}
