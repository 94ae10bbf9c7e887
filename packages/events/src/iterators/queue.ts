import { GuestfsError } from '../errors.js';
import { BoundedStore } from './overflow.js';
import type { Progress } from '../progress/progress.js';
import { onAbort } from '../on-abort.js';

/**
 * An async iterator over what happens from the moment it was asked for, not from the first `next()`.
 *
 * It has one consumer: a second `for await`, or a `next()` while one is waiting, is refused. `break`, `return()`,
 * `throw()`, an abort of its signal and the end of the source each unsubscribe it, once. What was queued when the source
 * ended is still delivered; after an abort the next read rejects with `ERR_GUESTFS_CANCELLED`, whose cause is the
 * signal's reason.
 */
export interface EventIterator<T> extends AsyncIterableIterator<T, undefined, undefined>, AsyncDisposable {
  next(): Promise<IteratorResult<T, undefined>>;
  return(): Promise<IteratorResult<T, undefined>>;
  throw(error?: unknown): Promise<IteratorResult<T, undefined>>;
  [Symbol.asyncIterator](): this;
  /** Events lost so far because the queue was full. */
  readonly dropped: number;
  /** Events so far that a newer one replaced before they were read. */
  readonly superseded: number;
}

export interface QueueOptions {
  signal?: AbortSignal | undefined;
  /** Called once, when nothing more will be taken; not where the signal was aborted from the start. */
  onStop?: (() => void) | undefined;
  /** Called with a number of lost items once the reader has caught up, and at the end. */
  onDropped?: ((count: number) => void) | undefined;
  /** Called after each item that the consumer takes. */
  onTaken?: (() => void) | undefined;
}

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/** The producer's and the consumer's end of one {@link EventIterator}. */
export class AsyncQueue<T> implements EventIterator<T> {
  readonly #store: BoundedStore<T>;
  readonly #options: QueueOptions;
  #waiter: Waiter<T> | undefined;
  #open = true;
  #taken = false;
  #failure: { error: unknown } | undefined;
  #reported = 0;
  #withdraw: (() => void) | undefined;

  constructor(store: BoundedStore<T>, options: QueueOptions = {}) {
    this.#store = store;
    this.#options = options;
    const { signal } = options;
    if (signal?.aborted === true) {
      this.#open = false;
      this.#failure = { error: aborted(signal) };
    } else {
      if (signal !== undefined) this.#withdraw = onAbort(signal, this.#abort);
    }
  }

  get dropped(): number {
    return this.#store.dropped;
  }

  get superseded(): number {
    return this.#store.superseded;
  }

  /** Whether it still takes items. */
  get open(): boolean {
    return this.#open;
  }

  /** Items that wait for the consumer. */
  get size(): number {
    return this.#store.size;
  }

  push(item: T): void {
    if (!this.#open) return;
    const waiter = this.#waiter;
    if (waiter === undefined) {
      this.#store.push(item);
      return;
    }
    this.#waiter = undefined;
    waiter.resolve({ value: item, done: false });
    this.#options.onTaken?.();
  }

  /** No more items; the consumer gets what is queued, then the end. */
  end(): void {
    this.#stop();
  }

  /** No more items; the consumer gets what is queued, then the error. */
  fail(error: unknown): void {
    if (!this.#open) return;
    this.#failure = { error };
    this.#stop();
  }

  [Symbol.asyncIterator](): this {
    if (this.#taken) throw secondConsumer();
    this.#taken = true;
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiter !== undefined) return Promise.reject(secondConsumer());
    if (this.#store.size > 0) {
      const value = this.#store.shift() as T;
      if (this.#store.size === 0) this.#reportDropped();
      this.#options.onTaken?.();
      return Promise.resolve({ value, done: false });
    }
    if (!this.#open) return this.#settled();
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#failure = undefined;
    this.#stop();
    this.#store.clear();
    return Promise.resolve({ value: undefined, done: true });
  }

  async throw(error?: unknown): Promise<IteratorResult<T, undefined>> {
    await this.return();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  readonly #abort = (): void => {
    this.#store.clear();
    this.fail(aborted(this.#options.signal));
  };

  #stop(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#withdraw?.();
    this.#options.onStop?.();
    this.#reportDropped();
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter !== undefined) this.#settled().then(waiter.resolve, waiter.reject);
  }

  #settled(): Promise<IteratorResult<T, undefined>> {
    const failure = this.#failure;
    this.#failure = undefined;
    // The reason is whatever the source failed with, which need not be an Error.
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    if (failure !== undefined) return Promise.reject(failure.error);
    return Promise.resolve({ value: undefined, done: true });
  }

  #reportDropped(): void {
    const count = this.dropped - this.#reported;
    this.#reported = this.dropped;
    if (count > 0) this.#options.onDropped?.(count);
  }
}

/** A queue for the progress of one call: only the newest unread message is kept, and the last one is never lost. */
export function createProgressQueue(options: QueueOptions = {}): AsyncQueue<Progress> {
  const isLast = (progress: Progress): boolean => progress.done;
  return new AsyncQueue(new BoundedStore<Progress>({ capacity: 16, keyOf: () => 0, isLast }), options);
}

function aborted(signal: AbortSignal | undefined): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_CANCELLED', 'reading events was aborted', { cause: signal?.reason });
}

function secondConsumer(): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_STATE', 'this iterator already has a consumer', {
    hint: 'ask for one iterator per consumer',
  });
}
