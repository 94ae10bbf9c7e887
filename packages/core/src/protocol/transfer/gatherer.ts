/** How many bytes are put together at most, and from how many on more are not waited for. */
const ROOM = 128 * 1024;
export const ENOUGH = 64 * 1024;

/** How long less than enough waits for more, in milliseconds. */
const PATIENCE = 1;

/**
 * Puts the data of chunks together, since a socket gives few chunks at a time while its reader is quick: the daemon sends
 * faster to one who reads less often and more.
 */
export class Gatherer {
  readonly #deliver: (data: Buffer) => boolean;
  #block: Buffer | null = null;
  #filled = 0;
  #timer: NodeJS.Timeout | null = null;

  /** What was gathered goes to `deliver`, which says whether it keeps the memory; else that is filled again. */
  constructor(deliver: (data: Buffer) => boolean) {
    this.#deliver = deliver;
  }

  /** Takes a copy of some bytes, at most as many as a chunk holds. */
  add(bytes: Buffer, start: number, length: number): void {
    if (this.#filled + length > ROOM) this.flush();
    this.#block ??= Buffer.allocUnsafeSlow(ROOM);
    bytes.copy(this.#block, this.#filled, start, start + length);
    this.#filled += length;
  }

  /** Nothing more is at hand. */
  rest(): void {
    if (this.#filled >= ENOUGH) this.flush();
    else if (this.#filled > 0) this.#timer ??= setTimeout(() => this.flush(), PATIENCE);
  }

  /** Delivers what there is. */
  flush(): void {
    const data = this.#block?.subarray(0, this.#filled);
    this.clear();
    if (data !== undefined && data.length > 0 && this.#deliver(data)) this.#block = null;
  }

  /** Forgets what there is. */
  clear(): void {
    this.#filled = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
