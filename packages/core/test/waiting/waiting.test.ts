import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { GuestfsError } from '../../src/protocol/errors.js';
import { Deadline } from '../../src/waiting/deadline.js';
import { launchGivenUp, pause, unlessAborted } from '../../src/waiting/give-up.js';
import { SingleFlight } from '../../src/waiting/single-flight.js';
import { after, orNull, within } from '../../src/waiting/within.js';

const never = new Promise<never>(() => undefined);
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describe('within', () => {
  test('gives the result, the error of the work, or its own when the time is up', async () => {
    expect(await within(60_000, Promise.resolve(1), () => new Error('late'))).toBe(1);
    await expect(within(60_000, Promise.reject(new Error('no')), () => new Error('late'))).rejects.toThrow('no');
    await expect(within(1, never, () => new Error('late'))).rejects.toThrow('late');
  });

  test('takes limits that no timer can hold', async () => {
    expect(
      await within(
        1e12,
        pause(20).then(() => 'done'),
        () => new Error('late'),
      ),
    ).toBe('done');
    let called = false;
    const withdraw = after(Infinity, () => (called = true));
    await pause(20);
    withdraw();
    expect(called).toBe(false);
  });

  test('orNull is null when late, and rejects as the work does', async () => {
    expect(await orNull(1, never)).toBeNull();
    expect(await orNull(60_000, Promise.resolve(2))).toBe(2);
    await expect(orNull(60_000, Promise.reject(new Error('no')))).rejects.toThrow('no');
  });
});

describe('unlessAborted', () => {
  test('rejects with the reason, before and during the wait, and leaves no listener', async () => {
    const abort = new AbortController();
    const waiting = unlessAborted(never, abort.signal);
    expect(listeners(abort.signal)).toBe(1);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(unlessAborted(Promise.resolve(1), abort.signal)).rejects.toThrow('enough');
    expect(listeners(abort.signal)).toBe(0);
  });

  test('takes its listener away when the work ends, however it ends', async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1);
    await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
    await pause(1, { signal });
    expect(listeners(signal)).toBe(0);
  });

  test('a pause ends early when it is aborted', async () => {
    const abort = new AbortController();
    const waiting = pause(3_600_000, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('a deadline', () => {
  const late = (account: string): Error => new GuestfsError('ERR_GUESTFS_LAUNCH_TIMEOUT', account);

  test('aborts with an account of the waits; short ones are not worth telling', async () => {
    const deadline = new Deadline(250, { late });
    deadline.waitFor('the first');
    await pause(150);
    deadline.waitFor('nothing');
    deadline.waitFor('the last');
    await expect(unlessAborted(never, deadline.signal)).rejects.toThrow(
      /^0\.\d s for the first, 0\.\d s for the last$/,
    );
    expect(deadline.left).toBe(0);
    expect(launchGivenUp(deadline.signal)).toBe(deadline.signal.reason);
    deadline.release();
  });

  test("passes its parent's abort on, and is withdrawn by release", async () => {
    const user = new AbortController();
    const deadline = new Deadline(3_600_000, { signal: user.signal, late });
    expect(deadline.left).toBeGreaterThan(3_000_000);
    user.abort(new Error('enough'));
    expect(deadline.signal.reason).toBe(user.signal.reason);
    expect(launchGivenUp(deadline.signal)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: user.signal.reason });
    deadline.release();
    expect(listeners(user.signal)).toBe(0);
    const short = new Deadline(1, { late });
    short.release();
    await pause(20);
    expect(short.signal.aborted).toBe(false);
  });
});

describe('a single flight', () => {
  test('runs once for all that ask at the same time, and anew for who asks later', async () => {
    const flight = new SingleFlight<number>();
    let runs = 0;
    const ask = (key = 'a'): Promise<number> =>
      flight.run(key, undefined, async () => {
        await pause(5);
        return ++runs;
      });
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
    expect(await ask()).toBe(2);
    expect(new Set(await Promise.all([ask('a'), ask('b')]))).toEqual(new Set([3, 4]));
  });

  test('an error goes to all that waited, and is not kept', async () => {
    const flight = new SingleFlight<string>();
    const fail = (): Promise<string> => flight.run('a', undefined, () => Promise.reject(new Error('no')));
    const ends = await Promise.allSettled([fail(), fail()]);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await flight.run('a', undefined, async () => 'yes')).toBe('yes');
  });

  test('who gives up goes alone; the work is given up with the last, and who comes then starts anew', async () => {
    const flight = new SingleFlight<string>();
    const works: AbortSignal[] = [];
    let cleanedUp = false;
    const users = [new AbortController(), new AbortController()] as const;
    const work = async (signal: AbortSignal): Promise<string> => {
      works.push(signal);
      await pause(3_600_000, { signal }).catch(() => pause(20));
      cleanedUp = true;
      return 'never';
    };
    const waits = users.map((user) => flight.run('a', user.signal, work));
    users[0].abort(new Error('first'));
    await expect(waits[0]).rejects.toThrow('first');
    expect(works.map(({ aborted }) => aborted)).toEqual([false]);
    users[1].abort(new Error('second'));
    await expect(waits[1]).rejects.toThrow('second');
    expect(works.map(({ aborted }) => aborted)).toEqual([true]);
    expect(cleanedUp).toBe(true);
    expect(await flight.run('a', undefined, async () => 'anew')).toBe('anew');
    await expect(flight.run('a', users[0].signal, work)).rejects.toThrow('first');
    expect(works).toHaveLength(1);
  });
});
