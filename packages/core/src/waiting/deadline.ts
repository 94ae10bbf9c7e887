import { onAbort } from '@guestfs/events/internal';
import { after } from './within.js';

export interface DeadlineOptions {
  /** Aborts the work too; its reason is passed on. */
  readonly signal?: AbortSignal | undefined;
  /** The reason of the abort when the time is up; `account` says what was waited for, and how long. */
  readonly late: (account: string) => Error;
}

/** What a wait must last to be told, in milliseconds. */
const WORTH_TELLING = 100;

/**
 * One limit of time for work that consists of many waits: a signal for all of them, and an account of where the time went.
 *
 * Made of a plain timer: one of `AbortSignal.timeout` would not keep the process alive, and signals joined by
 * `AbortSignal.any` live as long as the longest of them.
 */
export class Deadline {
  readonly #abort = new AbortController();
  readonly #end: number;
  readonly #waits: { readonly what: string; readonly since: number }[] = [];
  readonly #cleanups: (() => void)[] = [];

  constructor(milliseconds: number, { signal, late }: DeadlineOptions) {
    this.#end = performance.now() + milliseconds;
    this.#cleanups.push(after(milliseconds, () => this.#abort.abort(late(this.account()))));
    if (signal === undefined) return;
    this.#cleanups.push(onAbort(signal, () => this.#abort.abort(signal.reason)));
  }

  /** Aborted when the time is up, and when the work is given up. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Milliseconds until the time is up; never below zero. */
  get left(): number {
    return Math.max(0, this.#end - performance.now());
  }

  /** Names what is waited for from now on. */
  waitFor(what: string): void {
    this.#waits.push({ what, since: performance.now() });
  }

  /** What was waited for until now and how long, for people: `2.1 s for supermin, 31.9 s for the daemon`. */
  account(): string {
    const now = performance.now();
    const told = this.#waits.map(({ what, since }, index) => {
      const last = index === this.#waits.length - 1;
      return { what, last, lasted: (this.#waits[index + 1]?.since ?? now) - since };
    });
    return told
      .filter(({ last, lasted }) => last || lasted >= WORTH_TELLING)
      .map(({ what, lasted }) => `${(lasted / 1000).toFixed(1)} s for ${what}`)
      .join(', ');
  }

  /** Ends the limit: the work is done. */
  release(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }
}
