import type { Progress } from './progress.js';

export interface ProgressEstimate {
  /** Units of `position` a second; null until two messages have moved it, and in pulse mode. */
  readonly rate: number | null;
  /** Seconds until the position reaches the total at that rate; 0 when done, null where nobody can tell. */
  readonly remainingSeconds: number | null;
}

export interface RateOptions {
  /** After how many seconds a measurement counts half. Default 5. */
  halfLifeSeconds?: number | undefined;
}

/**
 * Estimates how fast a call goes and how long it still takes.
 *
 * The rate is a mean of the rates between messages, weighted by how long each lasted and halved in weight for every half
 * life that has passed since. The time that remains is what is left divided by that rate. A new call starts afresh.
 */
export class ProgressRate {
  readonly #halfLife: number;
  #call: string | undefined;
  #position = 0n;
  #at = 0;
  #weightedRate = 0;
  #weight = 0;

  constructor(options: RateOptions = {}) {
    this.#halfLife = options.halfLifeSeconds ?? 5;
  }

  /** Takes the next message into account; `at` is when it came, in milliseconds from any start. */
  update(progress: Progress, at: number = performance.now()): ProgressEstimate {
    const call = `${progress.operation} ${progress.serial}`;
    if (progress.pulse || call !== this.#call || progress.position < this.#position) {
      this.#weight = 0;
      this.#weightedRate = 0;
    } else if (at > this.#at) {
      this.#measure(progress.position, (at - this.#at) / 1000);
    } else {
      // No time has passed: the next message measures both steps.
      return this.#estimate(progress);
    }
    // A pulse says nothing of where the call is: the next message starts afresh.
    this.#call = progress.pulse ? undefined : call;
    this.#position = progress.position;
    this.#at = at;
    return this.#estimate(progress);
  }

  #measure(position: bigint, seconds: number): void {
    const kept = 2 ** (-seconds / this.#halfLife);
    const rate = Number(position - this.#position) / seconds;
    this.#weightedRate = this.#weightedRate * kept + rate * (1 - kept);
    this.#weight = this.#weight * kept + (1 - kept);
  }

  #estimate(progress: Progress): ProgressEstimate {
    const rate = this.#weight > 0 ? this.#weightedRate / this.#weight : null;
    if (progress.done) return { rate, remainingSeconds: 0 };
    if (rate === null || rate <= 0) return { rate, remainingSeconds: null };
    return { rate, remainingSeconds: Number(progress.total - progress.position) / rate };
  }
}

/** Adds `rate` and `remainingSeconds` to every progress message; see {@link ProgressRate} for the method. */
export async function* estimateProgress<T extends Progress>(
  source: AsyncIterable<T>,
  options: RateOptions = {},
): AsyncGenerator<{ progress: T } & ProgressEstimate, void, undefined> {
  const rate = new ProgressRate(options);
  for await (const progress of source) yield { progress, ...rate.update(progress) };
}
