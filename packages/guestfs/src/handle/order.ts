/** Keeps functions that need several calls from being overtaken by what was issued after them. */
export class CallOrder {
  #tail: Promise<void> | null = null;

  /** Whether something is held that later calls must wait for. */
  get held(): boolean {
    return this.#tail !== null;
  }

  /** Resolves when all that was held before is done; never rejects. */
  turn(): Promise<void> {
    return this.#tail ?? Promise.resolve();
  }

  /** Makes what is issued from now on wait; the function given back ends that. */
  hold(): () => void {
    let release!: () => void;
    const before = this.turn();
    const done = new Promise<void>((resolve) => (release = resolve));
    const tail = before.then(() => done);
    this.#tail = tail;
    void tail.then(() => {
      if (this.#tail === tail) this.#tail = null;
    });
    return release;
  }
}
