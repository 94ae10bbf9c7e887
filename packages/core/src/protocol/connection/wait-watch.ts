import type { PendingCall } from '../calls/call.js';

/** How long calls wait behind one that was cancelled before that is told, in milliseconds. */
const PATIENCE = 1_000;

/** A call that was cancelled and that the daemon has not ended: those after it wait. */
export interface CancelledCall {
  /** `checksum("md5", "/dev/sda")`. */
  readonly call: string;
  /** For how long the daemon has been at it, in milliseconds. */
  readonly elapsed: number;
}

interface WatchedLine {
  /** What the daemon is at, where that was cancelled. */
  readonly abandoned: PendingCall | null;
  /** The first call that waits for its answer. */
  readonly waiting: PendingCall | undefined;
}

/** Tells when calls wait for one that was cancelled: the daemon cannot be interrupted. */
export class WaitWatch {
  readonly #line: WatchedLine;
  readonly #log: (line: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #told: PendingCall | null = null;

  constructor(line: WatchedLine, log: (line: string) => void) {
    this.#line = line;
    this.#log = log;
  }

  /** A call was issued while others were not answered. Looks once a second as long as any call waits. */
  begin(): void {
    this.#timer ??= setTimeout(() => this.#look(), PATIENCE).unref();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    this.#timer = undefined;
    const { abandoned, waiting } = this.#line;
    if (this.#told !== null && this.#told !== abandoned) {
      this.#log(`${describe(this.#told)}, which was cancelled, has ended`);
      this.#told = null;
    }
    if (waiting === undefined) return;
    if (abandoned !== null && this.#told === null) {
      this.#told = abandoned;
      this.#log(`${describe(waiting)} waits for ${describeCancelled(cancelledCall(abandoned))}`);
    }
    this.begin();
  }
}

export function cancelledCall(call: PendingCall): CancelledCall {
  return { call: describe(call), elapsed: performance.now() - call.begunAt };
}

export function describeCancelled({ call, elapsed }: CancelledCall): string {
  return `${call}, which was cancelled and which the daemon has been running for ${(elapsed / 1000).toFixed(1)} s`;
}

function describe(call: PendingCall): string {
  const { operation, args } = call.where();
  return operation + args;
}
