import { describe, expect, jest, test } from '@jest/globals';
import { makeProgress, type Progress } from '@guestfs/events';
import { Operation } from '../../../src/protocol/operation/operation.js';
import { OperationControl } from '../../../src/protocol/operation/control.js';
import { rejection } from '../../support/fake-daemon.js';

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
    for (const position of [1n, 2n]) {
      const waiting = iterator.next();
      control.progress(at(position));
      expect((await waiting).value?.position).toBe(position);
    }
    const waiting = iterator.next();
    control.resolve(1);
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  test('refuses a second consumer', async () => {
    const { control, operation } = make();
    const iterator = operation.progress();
    const waiting = iterator.next();
    expect(await rejection(iterator.next())).toMatchObject({ code: 'ERR_GUESTFS_STATE' });
    iterator[Symbol.asyncIterator]();
    expect(() => iterator[Symbol.asyncIterator]()).toThrow('already has a consumer');
    control.progress(at(1n));
    expect((await waiting).value?.position).toBe(1n);
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

  test('serves several readers, each with an iterator of its own', async () => {
    const { control, operation } = make();
    const readers = [operation.progress(), operation.progress()];
    control.progress(at(1n));
    control.resolve(1);
    for (const reader of readers) expect((await reader.next()).value).toMatchObject({ position: 1n });
  });

  /** Counts what an iterator leaves behind on the call and on a signal. */
  function watched() {
    const made = make();
    const controller = new AbortController();
    const added = jest.spyOn(controller.signal, 'addEventListener');
    const removed = jest.spyOn(controller.signal, 'removeEventListener');
    const unobserve = jest.spyOn(made.control, 'unobserve');
    const iterator = made.operation.progress({ signal: controller.signal });
    const expectGone = async (): Promise<void> => {
      expect(made.control.wantsProgress).toBe(false);
      expect(unobserve).toHaveBeenCalledTimes(1);
      expect(added).toHaveBeenCalledTimes(1);
      expect(new Set(removed.mock.calls.map((call) => call[1]))).toEqual(new Set([added.mock.calls[0]?.[1]]));
      made.control.progress(at(1n));
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    };
    return { ...made, controller, iterator, expectGone };
  }

  test('break unsubscribes, and the call goes on', async () => {
    const { control, operation, iterator, expectGone } = watched();
    control.progress(at(1n));
    for await (const progress of iterator) {
      expect(progress.position).toBe(1n);
      break;
    }
    await expectGone();
    control.resolve(7);
    expect(await operation).toBe(7);
  });

  test('throw unsubscribes, and the call goes on', async () => {
    const { control, operation, iterator, expectGone } = watched();
    const mistake = new Error('in the loop');
    control.progress(at(1n));
    const reading = (async () => {
      for await (const _ of iterator) throw mistake;
    })();
    expect(await rejection(reading)).toBe(mistake);
    await expectGone();
    control.resolve(7);
    expect(await operation).toBe(7);
  });

  test('throw() and dispose unsubscribe', async () => {
    const thrown = watched();
    expect((await rejection(thrown.iterator.throw(new Error('out')))).message).toBe('out');
    await thrown.expectGone();
    const disposed = watched();
    const waiting = disposed.iterator.next();
    await disposed.iterator[Symbol.asyncDispose]();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await disposed.expectGone();
  });

  test('abort unsubscribes and rejects the read, and the call goes on', async () => {
    const { control, operation, controller, iterator, expectGone } = watched();
    const waiting = rejection(iterator.next());
    controller.abort('enough');
    expect(await waiting).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'enough' });
    await expectGone();
    control.resolve(7);
    expect(await operation).toBe(7);
  });

  test('a signal that was aborted before subscribes nothing', async () => {
    const { control, operation } = make();
    const iterator = operation.progress({ signal: AbortSignal.abort('before') });
    expect(control.wantsProgress).toBe(false);
    expect(await rejection(iterator.next())).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'before' });
    control.resolve(7);
    expect(await operation).toBe(7);
  });

  test('the end of the call unsubscribes', async () => {
    const { control, iterator, expectGone } = watched();
    control.resolve(7);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await expectGone();
  });

  test('the failure of the call, as when its connection closes, unsubscribes', async () => {
    const { control, iterator, expectGone } = watched();
    const closed = new Error('closed');
    control.reject(closed);
    expect(await rejection(iterator.next())).toBe(closed);
    await expectGone();
  });
});

describe("an error's stack", () => {
  test("shows the caller's line, not ours", async () => {
    const { GuestfsError } = await import('../../../src/protocol/errors.js');
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
