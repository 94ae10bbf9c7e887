import { describe, expect, test } from '@jest/globals';
import { estimateProgress, makeProgress, ProgressRate, throttle } from '../src/index.js';
import type { Progress } from '../src/index.js';
import { createProgressQueue } from '../src/internal.js';
import { collect, progress, turn } from './helpers.js';

describe('the numbers of a progress message', () => {
  test.each([
    ['a pulse', 0n, 1n, { fraction: null, pulse: true, done: false }],
    ['the end of pulses', 1n, 1n, { fraction: 1, pulse: false, done: true }],
    ['a start', 0n, 2n, { fraction: 0, pulse: false, done: false }],
    ['a half', 1n, 2n, { fraction: 0.5, pulse: false, done: false }],
    ['the end', 12n, 12n, { fraction: 1, pulse: false, done: true }],
    ['an empty job', 0n, 0n, { fraction: 1, pulse: false, done: true }],
    ['so much of nobody knows what', 7n, 0n, { fraction: null, pulse: true, done: false }],
    ['beyond the end', 13n, 12n, { fraction: 1, pulse: false, done: true }],
  ])('%s', (_what, position, total, expected) => {
    expect(progress(position, total)).toMatchObject(expected);
  });

  test('the fraction is 1 only at the end, also where the division rounds', () => {
    const almost = progress(2n ** 64n - 2n, 2n ** 64n - 1n);
    expect(almost.done).toBe(false);
    expect(almost.fraction).toBeLessThan(1);
  });

  test('the phase is there for a launch only', () => {
    expect(progress(1n)).not.toHaveProperty('phase');
    const launch = makeProgress({
      operation: 'launch',
      proc: 0,
      serial: 0,
      position: 3n,
      total: 12n,
      phase: 'applianceBuilt',
    });
    expect(launch).toMatchObject({ phase: 'applianceBuilt', fraction: 0.25 });
  });
});

function fakeClock() {
  let now = 0;
  const timers = new Map<() => void, number>();
  return {
    now: () => now,
    delay(ms: number, callback: () => void) {
      timers.set(callback, now + ms);
      return () => void timers.delete(callback);
    },
    async advance(ms: number) {
      now += ms;
      for (const [callback, at] of timers) {
        if (at > now) continue;
        timers.delete(callback);
        callback();
      }
      await turn();
    },
    timers: () => timers.size,
  };
}

describe('throttle', () => {
  function start() {
    const clock = fakeClock();
    let stopped = 0;
    const queue = createProgressQueue({ onStop: () => stopped++ });
    const seen: bigint[] = [];
    const reading = (async () => {
      for await (const p of throttle(queue, { perSecond: 10, clock })) seen.push(p.position);
    })();
    return { clock, queue, seen, reading, stopped: () => stopped };
  }

  test('passes on the newest when it is due, and the last at once', async () => {
    const { clock, queue, seen, reading } = start();
    for (const position of [1n, 2n, 3n]) {
      queue.push(progress(position));
      await turn();
    }
    expect(seen).toEqual([1n]);
    await clock.advance(99);
    expect(seen).toEqual([1n]);
    await clock.advance(1);
    expect(seen).toEqual([1n, 3n]);
    queue.push(progress(4n));
    queue.push(progress(100n));
    await turn();
    expect(seen).toEqual([1n, 3n, 100n]);
    queue.end();
    await reading;
    expect(clock.timers()).toBe(0);
  });

  test('what was held back comes before the end', async () => {
    const { queue, seen, reading } = start();
    queue.push(progress(1n));
    await turn();
    queue.push(progress(2n));
    await turn();
    queue.end();
    await reading;
    expect(seen).toEqual([1n, 2n]);
  });

  test('what was held back comes before the error', async () => {
    const { queue, seen, reading } = start();
    const outcome = expect(reading).rejects.toThrow('ENOSPC');
    queue.push(progress(1n));
    await turn();
    queue.push(progress(2n));
    await turn();
    queue.fail(new Error('ENOSPC'));
    await outcome;
    expect(seen).toEqual([1n, 2n]);
  });

  test('leaving the loop ends the source', async () => {
    let stopped = 0;
    const queue = createProgressQueue({ onStop: () => stopped++ });
    queue.push(progress(1n));
    for await (const _ of throttle(queue, { perSecond: 1 })) break;
    expect(stopped).toBe(1);
  });

  test.each([0, -1, NaN])('refuses %p a second', async (perSecond) => {
    const passing = throttle(createProgressQueue(), { perSecond });
    await expect(passing.next()).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
  });
});

describe('rate and remaining time', () => {
  const at = (rate: ProgressRate, position: bigint, seconds: number, total = 100n) =>
    rate.update(progress(position, total), seconds * 1000);

  test('a steady call is estimated exactly', () => {
    const rate = new ProgressRate();
    expect(at(rate, 0n, 0)).toEqual({ rate: null, remainingSeconds: null });
    for (let second = 1; second < 10; second++) {
      const estimate = at(rate, BigInt(second * 10), second);
      expect(estimate.rate).toBeCloseTo(10);
      expect(estimate.remainingSeconds).toBeCloseTo(10 - second);
    }
    expect(at(rate, 100n, 10).remainingSeconds).toBe(0);
  });

  test('a half life after a change, old and new rate count the same', () => {
    const rate = new ProgressRate({ halfLifeSeconds: 5 });
    at(rate, 0n, 0, 100_000n);
    at(rate, 10_000n, 1000, 100_000n);
    expect(at(rate, 10_100n, 1005, 100_000n).rate).toBeCloseTo(15);
  });

  test('no rate for pulses, for a standstill no remaining time, and a new call starts afresh', () => {
    const rate = new ProgressRate();
    expect(rate.update(progress(0n, 1n), 0)).toEqual({ rate: null, remainingSeconds: null });
    expect(rate.update(progress(0n, 1n), 1000).rate).toBeNull();
    at(rate, 10n, 2);
    expect(at(rate, 10n, 3)).toEqual({ rate: 0, remainingSeconds: null });
    expect(rate.update(progress(10n, 100n, 8), 4000).rate).toBeNull();
  });

  test('messages at the same instant are measured together', () => {
    const rate = new ProgressRate();
    at(rate, 0n, 0);
    at(rate, 5n, 0);
    expect(at(rate, 10n, 1).rate).toBeCloseTo(10);
  });

  test('estimateProgress adds them to each message', async () => {
    async function* source(): AsyncGenerator<Progress> {
      yield progress(1n);
      yield progress(100n);
    }
    const all = await collect(estimateProgress(source()));
    expect(all.map((e) => [e.progress.position, e.remainingSeconds])).toEqual([
      [1n, null],
      [100n, 0],
    ]);
  });
});
