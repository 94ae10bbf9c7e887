import type { Transport } from '../transport/contract.js';
import { Writer } from '../xdr/writer.js';

/** Frames that are written in one turn of the event loop go to the transport in one piece. */
const LARGE = 32 * 1024;

/** Collects small frames and hands them to the transport at the end of the turn. */
export class Outbox {
  readonly #transport: Transport;
  /** Frames are encoded straight into this, then `schedule` is called. */
  readonly writer = new Writer();
  #scheduled = false;
  #closed = false;
  readonly #flushLater = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Sends what the writer holds at the end of this turn. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#flushLater);
  }

  /** Sends a whole frame that was encoded elsewhere, in its order. */
  append(frame: Buffer): void {
    if (frame.length >= LARGE) {
      this.write(frame);
      return;
    }
    this.writer.raw(frame);
    this.schedule();
  }

  /** Sends frames at once; `released` is called when they may be changed. */
  write(bytes: Buffer, released?: () => void): void {
    this.flush();
    if (this.#closed) released?.();
    else this.#transport.write(bytes, released);
  }

  flush(): void {
    if (this.writer.pending === 0) return;
    const bytes = this.writer.take();
    if (!this.#closed) this.#transport.write(bytes);
  }

  close(): void {
    this.#closed = true;
  }
}
