/** Finds a sequence of bytes in a stream, however it is split, and keeps no more than it must. */
export class PatternSearch {
  readonly #pattern: Buffer;
  #tail = Buffer.alloc(0);

  constructor(pattern: Buffer) {
    this.#pattern = pattern;
  }

  /** What follows the pattern once it has come; null until then. */
  push(bytes: Buffer): Buffer | null {
    const all = this.#tail.length === 0 ? bytes : Buffer.concat([this.#tail, bytes]);
    const at = all.indexOf(this.#pattern);
    if (at >= 0) return all.subarray(at + this.#pattern.length);
    this.#tail = Buffer.from(all.subarray(Math.max(0, all.length - this.#pattern.length + 1)));
    return null;
  }
}
