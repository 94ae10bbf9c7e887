import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { connectFake, rejection } from '../../support/fake-daemon.js';
import { ECHO, NOTHING, NUMBER, RECEIVE, SEND } from '../../support/procedures.js';
import { errorReply, i32, okReply, opaque } from '../../support/wire.js';

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

describe('cancelling', () => {
  test('a call whose signal fired before sends nothing', async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(NOTHING, [], undefined, { signal: AbortSignal.abort('early') });
    expect(await rejection(operation)).toMatchObject({
      code: 'ERR_GUESTFS_CANCELLED',
      cause: 'early',
      operation: 'nothing',
    });
    await pause();
    expect(daemon.unread).toBe(0);
  });

  test('a queued call never sends it', async () => {
    const { connection, daemon } = await connectFake();
    const first = connection.call(SEND, ['/f'], undefined, { source: (async function* () {})() });
    const second = connection.call(ECHO, ['never']);
    const third = connection.call(SEND, ['/never'], undefined, { source: (async function* () {})() });
    const fourth = connection.call(NUMBER);
    second.cancel('no');
    third.cancel('no');
    expect(await rejection(second)).toMatchObject({
      code: 'ERR_GUESTFS_CANCELLED',
      message: 'echo("never"): the call was cancelled',
    });
    expect(await rejection(third)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
    const { serial } = await daemon.call();
    await daemon.file();
    daemon.send(okReply(4, serial));
    expect((await daemon.answer(i32(5))).proc).toBe(2);
    await first;
    expect(await fourth).toBe(5);
    await pause();
    expect(daemon.unread).toBe(0);
  });

  test.each(['an ok answer', 'an error', 'nonsense'])('a running call rejects at once and drops %s', async (answer) => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(NUMBER);
    const next = connection.call(ECHO, ['x']);
    const { serial } = await daemon.call();
    operation.cancel(new Error('too slow'));
    expect(await rejection(operation)).toMatchObject({ cause: { message: 'too slow' } });
    if (answer === 'an ok answer') daemon.send(okReply(2, serial, i32(1)));
    else if (answer === 'an error') daemon.send(errorReply(2, serial, 'EIO', 'x'));
    else daemon.send(okReply(2, serial, Buffer.alloc(400)));
    await daemon.answer(opaque('right'));
    expect(await next).toBe('right');
  });

  test('a call that has its answer does nothing', async () => {
    const { connection, daemon } = await connectFake();
    const controller = new AbortController();
    const operation = connection.call(NUMBER, [], undefined, { signal: controller.signal });
    await daemon.answer(i32(3));
    expect(await operation).toBe(3);
    controller.abort();
    operation.cancel();
    expect(await operation).toBe(3);
  });

  test('100 000 calls on one signal leave nothing on it', async () => {
    const { connection, daemon } = await connectFake();
    const { signal } = new AbortController();
    for (let i = 0; i < 200; i++) {
      const calls = Array.from({ length: 500 }, () => connection.call(NOTHING, [], undefined, { signal }));
      expect(getEventListeners(signal, 'abort')).toHaveLength(1);
      for (let answered = 0; answered < 500; answered++) await daemon.answer();
      await Promise.all(calls);
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    }
  }, 60_000);

  test('by one signal rejects calls in the order in which they were made', async () => {
    const { connection } = await connectFake();
    const controller = new AbortController();
    const order: number[] = [];
    const calls = Array.from({ length: 50 }, (_, i) =>
      connection.call(NOTHING, [], undefined, { signal: controller.signal }).then(undefined, () => void order.push(i)),
    );
    controller.abort();
    await Promise.all(calls);
    expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test('all of many calls by one signal leaves no listener', async () => {
    const { connection, daemon } = await connectFake();
    const controller = new AbortController();
    const { signal } = controller;
    const listeners = (): number => getEventListeners(signal, 'abort').length;
    const calls = Array.from({ length: 1000 }, () => rejection(connection.call(NOTHING, [], undefined, { signal })));
    for (let i = 0; i < 512; i++) await daemon.call();
    expect(listeners()).toBe(1);
    controller.abort();
    await Promise.all(calls);
    expect(listeners()).toBe(0);
    for (let serial = 1; serial <= 512; serial++) daemon.send(okReply(1, serial));
    const next = connection.call(RECEIVE, ['/f'], undefined, { sink: () => undefined });
    expect((await daemon.refuse('ENOENT', '')).proc).toBe(5);
    await rejection(next);
  });
});
