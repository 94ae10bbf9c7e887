import type { Progress } from '@guestfs/events';
import type { ProgressObserver } from './control.js';

/** What is iterated over: an operation's control. */
export interface ProgressSource {
  observe(observer: ProgressObserver): void;
  unobserve(observer: ProgressObserver): void;
}

interface Waiter {
  resolve(result: IteratorResult<Progress, undefined>): void;
  reject(error: unknown): void;
}

const DONE: IteratorResult<Progress, undefined> = { done: true, value: undefined };

/**
 * Yields the progress of one call.
 *
 * - Subscribed from the moment it is made, and told of the newest message that came before.
 * - Keeps only the newest unread message; the last one of a call is always yielded.
 * - Ends when the call succeeds, and throws once what the call rejects with.
 * - `return` and `throw` (a `break` or an exception in `for await`) unsubscribe; the call goes on.
 */
export class ProgressIterator implements AsyncIterableIterator<Progress, undefined>, ProgressObserver {
  readonly #control: ProgressSource;
  #unread: Progress | null = null;
  #ended = false;
  #failure: { error: unknown } | null = null;
  #waiters: Waiter[] = [];

  constructor(control: ProgressSource) {
    this.#control = control;
    control.observe(this);
  }

  progress(progress: Progress): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#unread = progress;
    else waiter.resolve({ done: false, value: progress });
  }

  end(failed: boolean, error: unknown): void {
    this.#ended = true;
    const [first, ...rest] = this.#waiters;
    this.#waiters = [];
    if (!failed) first?.resolve(DONE);
    else if (first === undefined) this.#failure = { error };
    else first.reject(error);
    for (const waiter of rest) waiter.resolve(DONE);
  }

  next(): Promise<IteratorResult<Progress, undefined>> {
    const value = this.#unread;
    if (value !== null) {
      this.#unread = null;
      return Promise.resolve({ done: false, value });
    }
    if (this.#failure !== null) {
      const { error } = this.#failure;
      this.#failure = null;
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what the call rejects with
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<Progress, undefined>> {
    this.#control.unobserve(this);
    this.#unread = null;
    this.#failure = null;
    this.#ended = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(DONE);
    return Promise.resolve(DONE);
  }

  async throw(error: unknown): Promise<IteratorResult<Progress, undefined>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
