import { argumentError } from '../xdr/errors.js';

/** A source that puts its bytes where they are sent from, which saves a copy. */
export interface ByteFiller {
  /**
   * Fills the buffers in their order and gives how many bytes came: fewer than there is room for where more would be
   * late, 0 only at the end. A promise where it takes time. Called again only when the last one was done.
   */
  fill(buffers: readonly Uint8Array[]): number | Promise<number>;
  /** No more is wanted; called once, after the last `fill`, also after one that failed. */
  close(): void | Promise<void>;
}

const NOTHING = Buffer.alloc(0);

/** Takes the bytes that are sent from an iterable. */
export class IterableFiller implements ByteFiller {
  readonly #source: AsyncIterable<unknown>;
  #iterator: AsyncIterator<unknown> | null = null;
  /** What came and was not sent yet. */
  #rest: Buffer = NOTHING;
  #over = false;

  constructor(source: AsyncIterable<unknown>) {
    this.#source = source;
  }

  async fill(buffers: readonly Uint8Array[]): Promise<number> {
    let filled = 0;
    for (const buffer of buffers) {
      for (let at = 0; at < buffer.length;) {
        if (this.#rest.length === 0) {
          // What fills a buffer need not wait for a slow source; the rest of it goes with what comes next.
          if (filled > at) {
            this.#rest = Buffer.from(buffer.subarray(0, at));
            return filled - at;
          }
          if (!(await this.#next())) return filled;
        }
        const count = this.#rest.copy(buffer, at);
        this.#rest = this.#rest.subarray(count);
        at += count;
        filled += count;
      }
    }
    return filled;
  }

  async close(): Promise<void> {
    if (!this.#over) await this.#iterator?.return?.();
  }

  async #next(): Promise<boolean> {
    if (this.#over) return false;
    let result: IteratorResult<unknown>;
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]();
      result = await this.#iterator.next();
    } catch (error) {
      this.#over = true;
      throw error;
    }
    if (result.done === true) {
      this.#over = true;
      return false;
    }
    const { value } = result;
    if (!ArrayBuffer.isView(value)) throw argumentError('source', 'must give Uint8Arrays');
    this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return true;
  }
}
