/** So long that it never ends: the most that an interval takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

let holders = 0;
let anchor: NodeJS.Timeout | null = null;

/**
 * Keeps the process (or the worker thread) from ending by itself until `release` is called, once for each time.
 *
 * The sockets and child processes of this library do not: they are there while a handle is open, also when nothing is
 * awaited of them. So whoever awaits something of one holds the process meanwhile.
 */
export function hold(): void {
  anchor ??= setInterval(() => undefined, LONGEST);
  if (holders++ === 0) anchor.ref();
}

export function release(): void {
  if (--holders === 0) anchor?.unref();
}

/** Holds the process until some work has ended. */
export async function holdDuring<T>(work: PromiseLike<T>): Promise<T> {
  hold();
  try {
    return await work;
  } finally {
    release();
  }
}
