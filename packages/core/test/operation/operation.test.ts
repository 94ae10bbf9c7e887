import { describe, expect, jest, test } from '@jest/globals';
import { makeProgress, type Progress } from '@guestfs/events';
import { Operation } from '../../src/operation/operation.js';
import { OperationControl } from '../../src/operation/control.js';
import { rejection } from '../support/fake-daemon.js';

function at(position: bigint, total = 10n): Progress {
  return makeProgress({ operation: 'copy', proc: 1, serial: 2, position, total });
}

function make<T = number>(): { control: OperationControl<T>; operation: Operation<T> } {
  const control = new OperationControl<T>('copy');
  return { control, operation: new Operation(control) };
}

// Jest fails the test that is running on an unhandled rejection: waiting a turn checks that there is none.
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Operation as a promise', () => {
  test('gives plain promises', async () => {
    const { control, operation } = make();
    const next = operation.then((value) => value + 1);
    expect(operation).toBeInstanceOf(Promise);
    expect(next).not.toBeInstanceOf(Operation);
    expect(operation.finally(() => undefined)).not.toBeInstanceOf(Operation);
    expect(Object.prototype.toString.call(operation)).toBe('[object Operation]');
    expect(operation.operation).toBe('copy');
    control.resolve(1);
    expect(await next).toBe(2);
  });

  test('settles once', async () => {
    const { control, operation } = make();
    control.resolve(1);
    control.resolve(2);
    control.reject(new Error('late'));
    control.cancel();
    expect(await operation).toBe(1);
    expect(control.settled).toBe(true);
  });
});

describe('cancelling', () => {
  test('rejects at once, with the reason as the cause', async () => {
    const { control, operation } = make();
    const reason = new Error('no longer');
    operation.cancel(reason);
    operation.cancel(new Error('again'));
    expect(await rejection(operation)).toMatchObject({
      code: 'ERR_GUESTFS_CANCELLED',
      operation: 'copy',
      cause: reason,
    });
    expect(control.settled).toBe(true);
  });

  test('needs no handler when it was asked for by cancel()', async () => {
    make().operation.cancel();
    await turn();
    await turn();
  });

  test('comes from a signal, and its listener goes with the call', async () => {
    const controller = new AbortController();
    const add = jest.spyOn(controller.signal, 'addEventListener');
    const remove = jest.spyOn(controller.signal, 'removeEventListener');
    const done = make();
    done.control.listen({ signal: controller.signal });
    done.control.resolve(5);
    expect(remove.mock.calls.map((call) => call[1])).toEqual(add.mock.calls.map((call) => call[1]));
    expect(add).toHaveBeenCalledTimes(1);
    const cancelled = make();
    cancelled.control.listen({ signal: controller.signal });
    controller.abort('stop');
    expect(await rejection(cancelled.operation)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'stop' });
    expect(await done.operation).toBe(5);
  });

  test('is not lost when the signal fired before', async () => {
    const { control, operation } = make();
    control.listen({ signal: AbortSignal.abort('early') });
    expect(control.settled).toBe(true);
    expect(await rejection(operation)).toMatchObject({ cause: 'early' });
  });

  test('aborts the signal for those who asked for one, before or after', () => {
    const before = make();
    const { signal } = before.control;
    before.operation.cancel('why');
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'why' });
    const after = make();
    after.operation.cancel('why');
    expect(after.control.signal.aborted).toBe(true);
    expect(() => after.control.throwIfCancelled()).toThrow('the call was cancelled');
  });
});

describe('onProgress', () => {
  test('is told everything before the promise settles, and nothing after', async () => {
    const seen: string[] = [];
    const { control, operation } = make();
    control.listen({ onProgress: (progress) => seen.push(`${progress.position}`) });
    void operation.then(() => seen.push('settled'));
    control.progress(at(1n));
    control.progress(at(10n));
    control.resolve(1);
    control.progress(at(3n));
    await operation;
    expect(seen).toEqual(['1', '10', 'settled']);
  });

  test('cancels the call when it throws', async () => {
    const { control, operation } = make();
    const mistake = new Error('in the listener');
    control.listen({
      onProgress: () => {
        throw mistake;
      },
    });
    expect(() => control.progress(at(1n))).not.toThrow();
    expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: mistake });
  });
});

describe('progress()', () => {
  test('keeps only the newest unread message, and never drops the last', async () => {
    const { control, operation } = make();
    const iterator = operation.progress();
    for (const position of [1n, 2n, 3n]) control.progress(at(position));
    expect((await iterator.next()).value).toMatchObject({ position: 3n });
    control.progress(at(9n));
    control.progress(at(10n));
    control.resolve(1);
    expect((await iterator.next()).value).toMatchObject({ position: 10n, done: true });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test('gives every message to one who waits', async () => {
    const { control, operation } = make();
    const iterator = operation.progress();
    const both = [iterator.next(), iterator.next(), iterator.next()];
    control.progress(at(1n));
    control.progress(at(2n));
    control.resolve(1);
    const results = await Promise.all(both);
    expect(results.map((result) => result.value?.position)).toEqual([1n, 2n, undefined]);
  });

  test('told late, begins with the newest message so far', async () => {
    const { control, operation } = make();
    control.progress(at(4n));
    control.resolve(1);
    const seen: bigint[] = [];
    for await (const progress of operation.progress()) seen.push(progress.position);
    expect(seen).toEqual([4n]);
  });

  test('throws what the call throws, after the last message, and then the promise needs no handler', async () => {
    const { control, operation } = make();
    const seen: bigint[] = [];
    const failure = new Error('broken');
    const reading = (async () => {
      for await (const progress of operation.progress()) {
        seen.push(progress.position);
        await turn();
      }
    })();
    control.progress(at(1n));
    await turn();
    control.progress(at(2n));
    control.reject(failure);
    expect(await rejection(reading)).toBe(failure);
    expect(seen).toEqual([1n, 2n]);
    await turn();
  });

  test('never read, leaves no unhandled rejection behind when the promise is handled', async () => {
    const { control, operation } = make();
    operation.progress();
    control.reject(new Error('broken'));
    expect((await rejection(operation)).message).toBe('broken');
    await turn();
  });

  test('serves several readers', async () => {
    const { control, operation } = make();
    const readers = [operation.progress(), operation.progress()];
    control.progress(at(1n));
    control.resolve(1);
    for (const reader of readers) expect((await reader.next()).value).toMatchObject({ position: 1n });
  });

  test.each<[string, (iterator: ReturnType<Operation<number>['progress']>) => Promise<unknown>]>([
    ['break', (iterator) => iterator.return()],
    ['throw', (iterator) => rejection(iterator.throw(new Error('out')))],
    ['dispose', (iterator) => iterator[Symbol.asyncDispose]()],
  ])('unsubscribes on %s, and the call goes on', async (_, leave) => {
    const { control, operation } = make();
    const unobserve = jest.spyOn(control, 'unobserve');
    const iterator = operation.progress();
    const waiting = iterator.next();
    await leave(iterator);
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(control.wantsProgress).toBe(false);
    expect(unobserve).toHaveBeenCalledTimes(1);
    control.progress(at(1n));
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    control.resolve(7);
    expect(await operation).toBe(7);
  });
});

describe("an error's stack", () => {
  test("shows the caller's line, not ours", async () => {
    const { GuestfsError } = await import('../../src/errors.js');
    const { control, operation } = make();
    function callerOfTheCall(): void {
      (function call() {
        control.captureOrigin(call);
      })();
    }
    callerOfTheCall();
    setImmediate(() => control.reject(new GuestfsError('ENOENT', 'gone', { operation: 'copy' })));
    const { stack } = await rejection(operation);
    expect(stack).toMatch(/^GuestfsError: copy: gone\n\s+at callerOfTheCall/);
  });
});
