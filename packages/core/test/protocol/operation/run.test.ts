import { describe, expect, test } from '@jest/globals';
import { GuestfsError } from '../../../src/protocol/errors.js';
import { Operation } from '../../../src/protocol/operation/operation.js';
import { rejection } from '../../support/fake-daemon.js';

describe('Operation.run', () => {
  test('resolves with what the task gives', async () => {
    const operation = Operation.run('find', undefined, async (control) => `${control.operation}ed`);
    expect(operation).toBeInstanceOf(Operation);
    expect(await operation).toBe('finded');
    expect(await Operation.run('cat', {}, () => 5)).toBe(5);
  });

  test('rejects with what the task throws, at once or later', async () => {
    const failure = new Error('no');
    const now = Operation.run('find', {}, () => {
      throw failure;
    });
    const later = Operation.run('find', {}, async () => {
      await Promise.resolve();
      throw failure;
    });
    expect(await rejection(now)).toBe(failure);
    expect(await rejection(later)).toBe(failure);
  });

  test('does not run the task when the signal fired before', async () => {
    let ran = false;
    const operation = Operation.run('find', { signal: AbortSignal.abort('early') }, () => (ran = true));
    expect(await rejection(operation)).toMatchObject({
      code: 'ERR_GUESTFS_CANCELLED',
      operation: 'find',
      cause: 'early',
    });
    expect(ran).toBe(false);
  });

  test('lets the task tidy up when cancelled, and rejects with the cancelling', async () => {
    const steps: string[] = [];
    const operation = Operation.run('copyOut', {}, async (control) => {
      control.onCancel((error) => steps.push(`told ${String(error.cause)}`));
      const takeAway = control.onCancel(() => steps.push('told one that left'));
      takeAway();
      try {
        await new Promise((_, reject) => control.signal.addEventListener('abort', () => reject(new Error('inner'))));
      } finally {
        await Promise.resolve();
        steps.push('tidied');
      }
    });
    operation.cancel('enough');
    const error = await rejection(operation);
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', operation: 'copyOut', cause: 'enough' });
    expect(steps).toEqual(['told enough', 'tidied']);
  });

  test('keeps the result of a task that was done when it was cancelled', async () => {
    const operation = Operation.run('find', {}, async () => 'done');
    operation.cancel();
    expect(await operation).toBe('done');
  });

  test('tells a handler that comes late', async () => {
    const operation = Operation.run('find', {}, async (control) => {
      await Promise.resolve();
      let told: unknown;
      control.onCancel((error) => (told = error.cause));
      expect(told).toBe('x');
      control.throwIfCancelled();
    });
    operation.cancel('x');
    expect(await rejection(operation)).toMatchObject({ cause: 'x' });
  });

  test('reports progress under its own name', async () => {
    const seen: unknown[] = [];
    await Operation.run('copyIn', { onProgress: (progress) => seen.push(progress) }, (control) => {
      control.progress({ position: 1n, total: 4n });
      control.progress({
        operation: 'tarIn',
        proc: 69,
        serial: 8,
        position: 2n,
        total: 4n,
        fraction: 0.5,
        pulse: false,
        done: false,
      });
    });
    expect(seen).toEqual([
      { operation: 'copyIn', proc: 0, serial: 0, position: 1n, total: 4n, fraction: 0.25, pulse: false, done: false },
      { operation: 'copyIn', proc: 69, serial: 8, position: 2n, total: 4n, fraction: 0.5, pulse: false, done: false },
    ]);
  });

  test('shows its own arguments in errors of its name, in place of those of a call inside', async () => {
    const errors = [
      new GuestfsError('ENOENT', 'gone', { operation: 'copyIn', args: '("/inner")', serial: 7, hint: 'look' }),
      new GuestfsError('ENOENT', 'gone', { operation: 'copyIn' }),
      new GuestfsError('ENOENT', 'gone'),
      new GuestfsError('ENOENT', 'gone', { operation: 'other', args: '("x")' }),
    ];
    const messages = errors.map(async (error) => {
      const operation = Operation.run(
        'copyIn',
        {},
        () => Promise.reject(error),
        () => '("a", "b")',
      );
      const rejected = await rejection(operation);
      expect(rejected).toBe(error);
      expect(rejected.stack?.startsWith(`GuestfsError: ${rejected.message}\n`)).toBe(true);
      return rejected.message;
    });
    expect(await Promise.all(messages)).toEqual([
      'copyIn("a", "b"): gone\n  What to do: look',
      'copyIn("a", "b"): gone',
      'copyIn("a", "b"): gone',
      'other("x"): gone',
    ]);
    expect(errors.map(({ operation, args }) => [operation, args])).toEqual([
      ['copyIn', '("a", "b")'],
      ['copyIn', '("a", "b")'],
      ['copyIn', '("a", "b")'],
      ['other', '("x")'],
    ]);
  });

  test('shows its arguments also when it is cancelled', async () => {
    const signal = AbortSignal.abort();
    const operation = Operation.run(
      'cat',
      { signal },
      () => undefined,
      () => '("/x")',
    );
    expect((await rejection(operation)).message).toBe('cat("/x"): the call was cancelled');
  });

  test("gives its errors the caller's line", async () => {
    const callerOfRun = (): Operation<never> =>
      Operation.run('find', {}, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        throw new GuestfsError('ENOENT', 'gone');
      });
    expect((await rejection(callerOfRun())).stack).toMatch(/^GuestfsError: gone\n\s+at .*run\.test\.ts/);
  });
});
