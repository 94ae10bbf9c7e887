import type { Transfer } from '../transfer/transfer.js';
import type { PendingCall } from './call.js';
import { Fifo } from './fifo.js';

/** How many calls, and how many bytes of them, may be with the daemon unanswered. */
const IN_FLIGHT_MAX = 512;
const BYTES_MAX = 1024 * 1024;

/** The calls that the daemon has and has not answered, in the order in which it takes them. */
export class SentCalls {
  /** The file transfer that has the connection for itself, and its call, which may be answered already. */
  transfer: Transfer | null = null;
  transferCall: PendingCall | null = null;
  readonly #calls = new Fifo<PendingCall>();
  #bytes = 0;

  get length(): number {
    return this.#calls.length;
  }

  /** Whether one more may be sent ahead. */
  hasRoomFor(call: PendingCall): boolean {
    return this.#calls.length < IN_FLIGHT_MAX && this.#bytes + call.size <= BYTES_MAX;
  }

  push(call: PendingCall): void {
    this.#calls.push(call);
    this.#bytes += call.size;
    if (this.#calls.length === 1) call.begunAt = performance.now();
  }

  /** Takes the first away; the daemon begins the next now. */
  shift(): PendingCall | undefined {
    const call = this.#calls.shift();
    if (call === undefined) return undefined;
    this.#bytes -= call.size;
    const next = this.#calls.peek();
    if (next !== undefined) next.begunAt = performance.now();
    return call;
  }

  peek(): PendingCall | undefined {
    return this.#calls.peek();
  }

  find(wanted: (call: PendingCall) => boolean): PendingCall | undefined {
    return this.#calls.find(wanted);
  }

  list(): PendingCall[] {
    return this.#calls.list();
  }

  drain(): PendingCall[] {
    this.#bytes = 0;
    return this.#calls.drain();
  }
}
