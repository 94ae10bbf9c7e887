/** How many unread bytes slow the sender down, and how few let it go on. */
const HIGH = 256 * 1024;
const LOW = 64 * 1024;

type Result = IteratorResult<Buffer, undefined>;

interface Waiter {
  resolve(result: Result): void;
  reject(error: unknown): void;
}

const DONE: Result = { done: true, value: undefined };

export interface ByteReaderHooks {
  /** The first byte is asked for. */
  begin(): void;
  /** The reader stops before the end. */
  abandon(): void;
}

/**
 * A queue between one who pushes bytes and one who iterates over them.
 *
 * `push` returns a promise while more than 256 KiB are unread. `return` and `throw` before the end abandon the source.
 */
export class ByteReader implements AsyncIterableIterator<Buffer, undefined> {
  readonly #hooks: ByteReaderHooks;
  #queue: Buffer[] = [];
  #unread = 0;
  #waiters: Waiter[] = [];
  #release: (() => void) | null = null;
  #begun = false;
  #ended = false;
  #failure: { error: unknown } | null = null;

  constructor(hooks: ByteReaderHooks) {
    this.#hooks = hooks;
  }

  push(bytes: Buffer): void | Promise<void> {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value: bytes });
      return;
    }
    this.#queue.push(bytes);
    this.#unread += bytes.length;
    if (this.#unread > HIGH) return new Promise((resolve) => (this.#release = resolve));
  }

  /** No more comes; what is unread can still be read, then an error is thrown where there was one. */
  end(failed: boolean, error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#free();
    const [first, ...rest] = this.#waiters.splice(0);
    if (!failed) first?.resolve(DONE);
    else if (first === undefined) this.#failure = { error };
    else first.reject(error);
    for (const waiter of rest) waiter.resolve(DONE);
  }

  next(): Promise<Result> {
    if (!this.#begun) {
      this.#begun = true;
      this.#hooks.begin();
    }
    const value = this.#queue.shift();
    if (value !== undefined) {
      this.#unread -= value.length;
      if (this.#unread < LOW) this.#free();
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

  return(): Promise<Result> {
    const early = !this.#ended;
    this.#queue = [];
    this.#unread = 0;
    this.#failure = null;
    this.end(false, undefined);
    if (early) this.#hooks.abandon();
    return Promise.resolve(DONE);
  }

  async throw(error: unknown): Promise<Result> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #free(): void {
    this.#release?.();
    this.#release = null;
  }
}
