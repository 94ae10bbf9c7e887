import { unlessAborted } from './give-up.js';

interface Flight<T> {
  readonly result: Promise<T>;
  readonly abort: AbortController;
  callers: number;
}

/**
 * Does work once for all that ask for it at the same time: who asks while it is under way gets its result, or its error.
 * Nothing is kept when it has ended, so an error does not last.
 *
 * Each caller has a signal of its own, and is let go when that is aborted. The work is given up when nobody waits for it
 * any more; the last is let go when it has ended, and so has cleaned up.
 */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();

  async run(key: string, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#start(key, work);
    flight.callers += 1;
    try {
      return await unlessAborted(flight.result, signal);
    } finally {
      flight.callers -= 1;
      if (flight.callers === 0) await this.#giveUp(key, flight);
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const abort = new AbortController();
    const flight: Flight<T> = {
      abort,
      callers: 0,
      result: work(abort.signal).finally(() => this.#forget(key, flight)),
    };
    flight.result.catch(() => undefined);
    this.#flights.set(key, flight);
    return flight;
  }

  /** Later callers start anew: they must not get the error of work that others gave up. */
  async #giveUp(key: string, flight: Flight<T>): Promise<void> {
    this.#forget(key, flight);
    flight.abort.abort(new Error('nobody waits for it any more'));
    await flight.result.catch(() => undefined);
  }

  #forget(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
