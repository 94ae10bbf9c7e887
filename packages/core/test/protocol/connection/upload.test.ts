import { describe, expect, test } from '@jest/globals';
import type { Progress } from '@guestfs/events';
import { connectFake, rejection } from '../../support/fake-daemon.js';
import { NOTHING, SEND } from '../../support/procedures.js';
import { CANCEL_WORD, errorReply, okReply, opaque, progress } from '../../support/wire.js';

async function* pieces(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

/** A source that never ends and tells whether it was closed. */
function endless(size = 10_000): { source: AsyncIterable<Uint8Array>; taken: () => number; closed: () => boolean } {
  let taken = 0;
  let closed = false;
  async function* generate(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        taken += size;
        yield Buffer.alloc(size, 1);
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      closed = true;
    }
  }
  return { source: generate(), taken: () => taken, closed: () => closed };
}

const until = async (holds: () => boolean): Promise<void> => {
  for (let i = 0; i < 1000 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(holds()).toBe(true);
};

describe('an upload', () => {
  test('sends the call with the size, the chunks, and resolves with the reply', async () => {
    const { connection, daemon } = await connectFake();
    const data = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) & 0xff));
    const source = pieces(data.subarray(0, 7), data.subarray(7, 200_001), data.subarray(200_001));
    const operation = connection.call(SEND, ['/f'], undefined, { source, size: 300_000n });
    const call = await daemon.call();
    expect(call).toMatchObject({ proc: 4, hint: 300_000n });
    expect(call.body).toEqual(opaque('/f'));
    const file = await daemon.file();
    expect(file.cancelled).toBe(false);
    expect(file.data.equals(data)).toBe(true);
    daemon.send(okReply(4, call.serial));
    expect(await operation).toBeUndefined();
  });

  test.each([0, 1, 8191, 8192, 8193, 131_072, 131_073])('of %d bytes arrives whole', async (size) => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(SEND, ['/f'], undefined, { source: pieces(Buffer.alloc(size, 3)) });
    const { serial, hint } = await daemon.call();
    expect(hint).toBe(0n);
    expect((await daemon.file()).data.equals(Buffer.alloc(size, 3))).toBe(true);
    daemon.send(okReply(4, serial));
    await operation;
  });

  test('runs alone: the calls around it wait', async () => {
    const { connection, daemon } = await connectFake();
    const before = connection.call(NOTHING);
    const upload = connection.call(SEND, ['/f'], undefined, { source: pieces(Buffer.from('x')) });
    const after = connection.call(NOTHING);
    await daemon.call();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(daemon.unread).toBe(0);
    daemon.send(okReply(1, 1));
    await before;
    await daemon.call();
    await daemon.file();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(daemon.unread).toBe(0);
    daemon.send(okReply(4, 2));
    await upload;
    expect((await daemon.answer()).serial).toBe(3);
    await after;
  });

  test('takes from its source only what the daemon takes', async () => {
    const { connection, daemon } = await connectFake();
    const { source, taken } = endless(64 * 1024);
    const operation = connection.call(SEND, ['/f'], undefined, { source });
    void operation.catch(() => undefined);
    await daemon.call();
    daemon.transport.pause();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const stalled = taken();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(taken()).toBe(stalled);
    expect(stalled).toBeLessThan(1024 * 1024);
    daemon.transport.resume();
    await until(() => taken() > stalled);
    connection.destroy();
  });

  test('stops when the daemon wants no more, and rejects with its error', async () => {
    const { connection, daemon } = await connectFake();
    const { source, closed } = endless();
    const operation = rejection(connection.call(SEND, ['/full'], undefined, { source }));
    const { serial } = await daemon.call();
    await daemon.chunk();
    daemon.send(CANCEL_WORD);
    expect((await daemon.file()).cancelled).toBe(true);
    daemon.send(errorReply(4, serial, 'ENOSPC', 'disk full'));
    expect(await operation).toMatchObject({ code: 'ENOSPC', operation: 'send' });
    await until(closed);
    const next = connection.call(NOTHING);
    await daemon.answer();
    await next;
  });

  test('skips a cancel flag that comes after the last chunk', async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(SEND, ['/f'], undefined, { source: pieces(Buffer.from('x')) });
    const { serial } = await daemon.call();
    await daemon.file();
    daemon.send(CANCEL_WORD, errorReply(4, serial, 'EIO', 'late'));
    expect(await rejection(operation)).toMatchObject({ code: 'EIO' });
    const next = connection.call(NOTHING);
    await daemon.answer();
    await next;
    expect(daemon.unread).toBe(0);
  });

  test('does not pass for whole when the daemon cancelled it and yet said ok', async () => {
    const { connection, daemon } = await connectFake();
    const operation = rejection(connection.call(SEND, ['/f'], undefined, { source: endless().source }));
    const { serial } = await daemon.call();
    daemon.send(CANCEL_WORD);
    await daemon.file();
    daemon.send(okReply(4, serial));
    expect(await operation).toMatchObject({ code: 'ERR_GUESTFS_TRANSFER' });
  });

  test.each<[string, () => AsyncIterable<Uint8Array>]>([
    [
      'throws in the middle',
      async function* () {
        yield Buffer.alloc(200_000);
        throw new Error('cable pulled');
      },
    ],
    [
      'throws at once',
      () => ({
        [Symbol.asyncIterator]: () => {
          throw new Error('cable pulled');
        },
      }),
    ],
  ])('whose source %s is given up by protocol', async (_, make) => {
    const { connection, daemon } = await connectFake();
    const operation = rejection(connection.call(SEND, ['/f'], undefined, { source: make() }));
    const { serial } = await daemon.call();
    expect((await daemon.file()).cancelled).toBe(true);
    daemon.send(errorReply(4, serial, '', 'cancelled by the client'));
    const error = await operation;
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_TRANSFER', operation: 'send', serial });
    expect(error.message).toContain('cable pulled');
    expect((error.cause as Error).message).toBe('cable pulled');
    const next = connection.call(NOTHING);
    await daemon.answer();
    await next;
  });

  test('whose source gives no bytes is given up', async () => {
    const { connection, daemon } = await connectFake();
    const source = (async function* () {
      yield 'text' as unknown as Uint8Array;
    })();
    const operation = rejection(connection.call(SEND, ['/f'], undefined, { source }));
    const { serial } = await daemon.call();
    await daemon.file();
    daemon.send(errorReply(4, serial, '', 'cancelled'));
    expect(await operation).toMatchObject({ code: 'ERR_GUESTFS_TRANSFER', cause: { code: 'ERR_GUESTFS_ARGUMENT' } });
  });

  test('without a source is refused', async () => {
    const { connection } = await connectFake();
    expect(await rejection(connection.call(SEND, ['/f']))).toMatchObject({
      code: 'ERR_GUESTFS_ARGUMENT',
      args: '("/f")',
      hint: 'pass a source',
    });
  });

  test('that is answered in the middle ends the connection, and tells the error', async () => {
    const { connection, daemon } = await connectFake();
    const operation = rejection(connection.call(SEND, ['/f'], undefined, { source: endless().source }));
    const { serial } = await daemon.call();
    daemon.send(errorReply(4, serial, '', 'no such thing'));
    expect((await operation).message).toContain('no such thing');
    expect((await connection.closed).reason.message).toContain('a reply before the end of the file');
  });

  test.each(['in the middle', 'with a source that hangs'])(
    'cancelled %s leaves the connection in step',
    async (how) => {
      const { connection, daemon } = await connectFake();
      const hanging: AsyncIterable<Uint8Array> = {
        [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
      };
      const { source, closed } = endless();
      const controller = new AbortController();
      const operation = rejection(
        connection.call(SEND, ['/f'], undefined, {
          source: how === 'in the middle' ? source : hanging,
          signal: controller.signal,
        }),
      );
      const after = connection.call(NOTHING);
      const { serial } = await daemon.call();
      if (how === 'in the middle') await daemon.chunk();
      controller.abort('enough');
      expect(await operation).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'enough' });
      expect((await daemon.file()).cancelled).toBe(true);
      if (how === 'in the middle') await until(closed);
      daemon.send(errorReply(4, serial, '', 'cancelled'));
      await daemon.answer();
      await after;
    },
  );

  test('cancelled after its last chunk rejects, and its answer is dropped', async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(SEND, ['/f'], undefined, { source: pieces(Buffer.from('x')) });
    const { serial } = await daemon.call();
    expect((await daemon.file()).cancelled).toBe(false);
    operation.cancel();
    expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
    daemon.send(okReply(4, serial));
    const next = connection.call(NOTHING);
    await daemon.answer();
    await next;
    expect(daemon.unread).toBe(0);
  });

  test("passes the daemon's progress on while it sends", async () => {
    const { connection, daemon } = await connectFake();
    const { source } = endless();
    const seen: (number | null)[] = [];
    const onProgress = (message: Progress): void => void seen.push(message.fraction);
    const operation = connection.call(SEND, ['/f'], undefined, { source, size: 100n, onProgress });
    void operation.catch(() => undefined);
    const { serial } = await daemon.call();
    daemon.send(progress(4, serial, 25n, 100n));
    await until(() => seen.length === 1);
    expect(seen).toEqual([0.25]);
    connection.destroy();
  });

  test('counts its bytes where the daemon tells nothing', async () => {
    const { connection, daemon } = await connectFake();
    const seen: Progress[] = [];
    const operation = connection.call(SEND, ['/f'], undefined, {
      source: pieces(Buffer.alloc(8192), Buffer.alloc(400)),
      size: 8592n,
      countBytes: true,
      onProgress: (message) => seen.push(message),
    });
    const { serial } = await daemon.call();
    await daemon.file();
    daemon.send(progress(4, serial, 1n, 2n), okReply(4, serial));
    await operation;
    expect(seen).toEqual([
      {
        operation: 'send',
        proc: 4,
        serial,
        position: 8192n,
        total: 8592n,
        fraction: 8192 / 8592,
        pulse: false,
        done: false,
      },
      { operation: 'send', proc: 4, serial, position: 8592n, total: 8592n, fraction: 1, pulse: false, done: true },
    ]);
  });

  test('counts its bytes without a total where the size is not known', async () => {
    const { connection, daemon } = await connectFake();
    const seen: Progress[] = [];
    const source = pieces(Buffer.alloc(8192), Buffer.alloc(400));
    const options = { source, countBytes: true, onProgress: (message: Progress) => void seen.push(message) };
    const operation = connection.call(SEND, ['/f'], undefined, options);
    const { serial } = await daemon.call();
    await daemon.file();
    daemon.send(okReply(4, serial));
    await operation;
    expect(seen).toMatchObject([
      { position: 8192n, total: 0n, fraction: null, pulse: true, done: false },
      { position: 8592n, total: 8592n, fraction: 1, pulse: false, done: true },
    ]);
  });
});
