import { makeProgress } from '@guestfs/events';
import type { PendingCall } from '../calls/call.js';

/** Milliseconds between two messages: as often as the daemon sends them. */
const PERIOD = 333;

/** Reports progress from the bytes that a transfer has moved. */
export class ByteProgress {
  readonly #call: PendingCall;
  readonly #total: bigint | undefined;
  #moved = 0n;
  #next = 0;

  constructor(call: PendingCall, total: bigint | undefined) {
    this.#call = call;
    this.#total = total;
  }

  moved(bytes: number): void {
    this.#moved += BigInt(bytes);
    const now = performance.now();
    if (now < this.#next) return;
    this.#next = now + PERIOD;
    const position = this.#moved;
    // Nobody knows of how much: the total was not told, or it was wrong.
    const total = this.#total === undefined || position > this.#total ? 0n : this.#total;
    if (position !== total) this.#call.progress(makeProgress({ ...this.#who(), position, total }));
  }

  /** All bytes were moved and the call has succeeded. */
  finish(): void {
    this.#call.progress(makeProgress({ ...this.#who(), position: this.#moved, total: this.#moved }));
  }

  #who(): { operation: string; proc: number; serial: number } {
    return { operation: this.#call.operation, proc: this.#call.procedure.proc, serial: this.#call.serial };
  }
}
