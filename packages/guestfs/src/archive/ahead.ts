/** Begins work on up to `count` items before they are asked for, and yields each with its work, in order. */
export async function* workAhead<Item, Result>(
  items: AsyncIterable<Item>,
  count: number,
  begin: (item: Item) => Promise<Result>,
): AsyncGenerator<readonly [Item, Promise<Result>], void, void> {
  const begun: (readonly [Item, Promise<Result>])[] = [];
  try {
    for await (const item of items) {
      const work = begin(item);
      // Told to whom it is yielded.
      work.catch(() => undefined);
      begun.push([item, work]);
      if (begun.length >= count) yield begun.shift()!;
    }
    while (begun.length > 0) yield begun.shift()!;
  } finally {
    await Promise.allSettled(begun.map(([, work]) => work));
  }
}

/** Runs a bounded number of tasks side by side; a failure is thrown to the next who comes. */
export class WorkPool {
  readonly #limit: number;
  readonly #running = new Map<string, Promise<void>>();
  #failure: { error: unknown } | null = null;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Starts a task when there is room; one of the same name is waited for first. */
  async add(name: string, task: () => Promise<unknown>): Promise<void> {
    await this.#running.get(name);
    while (this.#running.size >= this.#limit) await Promise.race(this.#running.values());
    this.#check();
    const run = async (): Promise<void> => {
      try {
        await task();
      } catch (error) {
        this.#failure ??= { error };
      } finally {
        this.#running.delete(name);
      }
    };
    this.#running.set(name, run());
  }

  /** Waits for all tasks. */
  async drain(): Promise<void> {
    await this.settle();
    this.#check();
  }

  /** Waits for all tasks, whatever comes of them. */
  async settle(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure.error as Error;
  }
}
