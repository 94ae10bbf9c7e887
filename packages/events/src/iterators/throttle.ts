import { GuestfsError } from '../errors.js';
import type { Progress } from '../progress/progress.js';

/** Where a throttle takes its time from. */
export interface ThrottleClock {
  /** Milliseconds from any start. */
  now(): number;
  /** Calls back after so many milliseconds; returns a function that prevents it. */
  delay(ms: number, callback: () => void): () => void;
}

export interface ThrottleOptions {
  /** How many messages a second at most; above 0. */
  perSecond: number;
  clock?: ThrottleClock | undefined;
}

const SYSTEM_CLOCK: ThrottleClock = {
  now: () => performance.now(),
  delay(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Passes on at most so many progress messages a second, always the newest, and the last one of a call always at once.
 *
 * Ends, or throws, with its source, after the newest message that was held back. Leaving the loop ends the source too.
 */
export async function* throttle<T extends Progress>(
  source: AsyncIterable<T>,
  options: ThrottleOptions,
): AsyncGenerator<T, void, undefined> {
  const { perSecond, clock = SYSTEM_CLOCK } = options;
  if (!(perSecond > 0)) {
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `perSecond must be above 0, not ${String(perSecond)}`);
  }
  const iterator = source[Symbol.asyncIterator]();
  let due = -Infinity;
  let held: T | undefined;
  let exhausted = false;
  try {
    let reading = read(iterator);
    for (;;) {
      const wait = due - clock.now();
      const outcome =
        held === undefined ? await reading : held.done || wait <= 0 ? 'due' : await until(reading, wait, clock);
      if (outcome === 'due') {
        if (held !== undefined) yield held;
        held = undefined;
        due = clock.now() + 1000 / perSecond;
        continue;
      }
      if ('error' in outcome || outcome.result.done === true) {
        exhausted = true;
        if (held !== undefined) yield held;
        if ('error' in outcome) throw outcome.error;
        return;
      }
      held = outcome.result.value;
      reading = read(iterator);
    }
  } finally {
    // Not awaited: a source that is itself a generator would first wait for its pending message.
    if (!exhausted) iterator.return?.().then(undefined, () => undefined);
  }
}

type Outcome<T> = { result: IteratorResult<T, unknown> } | { error: unknown };

/** Never rejects, so that a failure while the consumer is busy is no unhandled rejection. */
function read<T>(iterator: AsyncIterator<T, unknown>): Promise<Outcome<T>> {
  return iterator.next().then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
}

function until<T>(reading: Promise<Outcome<T>>, ms: number, clock: ThrottleClock): Promise<Outcome<T> | 'due'> {
  return new Promise((resolve) => {
    const cancel = clock.delay(ms, () => resolve('due'));
    void reading.then((outcome) => {
      cancel();
      resolve(outcome);
    });
  });
}
