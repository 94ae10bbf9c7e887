import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { connectFake, type FakeDaemon } from '../../support/fake-daemon.js';
import { NOTHING, NUMBER, RECEIVE, SEND } from '../../support/procedures.js';
import { CANCEL_CHUNK, CANCEL_WORD, chunk, END_CHUNK, errorReply, i32, okReply, progress } from '../../support/wire.js';

async function* twoPieces(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(10_000);
  await new Promise((resolve) => setImmediate(resolve));
  yield Buffer.alloc(10_000);
}

/** Frames that a mad daemon may send in any order. */
const FRAMES = [
  okReply(1, 1),
  okReply(2, 2, i32(5)),
  errorReply(4, 3, 'EIO', 'x'),
  okReply(4, 3),
  okReply(5, 4),
  chunk('data'),
  END_CHUNK,
  CANCEL_CHUNK,
  CANCEL_WORD,
  progress(1, 1, 1n, 2n),
  Buffer.alloc(3),
  Buffer.from('nonsense'),
];

const anyBytes = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...FRAMES) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
);

describe('whatever a daemon sends', () => {
  test('every call settles with its own kind of error, and nothing throws or hangs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyBytes, { maxLength: 12 }), fc.boolean(), async (parts, polite) => {
        const { connection, daemon } = await connectFake();
        const calls = [
          connection.call(NOTHING),
          connection.call(NUMBER),
          connection.call(SEND, ['/f'], undefined, { source: twoPieces() }),
          connection.call(RECEIVE, ['/f'], undefined, { sink: () => undefined }),
        ];
        const settled = Promise.allSettled(calls);
        for (const part of parts) {
          daemon.send(part);
          await new Promise((resolve) => setImmediate(resolve));
        }
        if (polite) void daemon.transport.close();
        else daemon.transport.destroy();
        for (const result of await settled) {
          if (result.status === 'rejected') expect(result.reason).toMatchObject({ name: 'GuestfsError' });
        }
        expect(connection.ended).toBe(true);
        await connection.close();
      }),
      { numRuns: 150 },
    );
  });

  test('an endless message is refused when its length is read, not stored', async () => {
    const { connection, daemon } = await connectFake();
    const call = connection.call(NOTHING).catch((error: unknown) => error);
    await daemon.call();
    daemon.send(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
    expect(await call).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
  });

  test('endless chunks reach a sink and no memory', async () => {
    const { connection, daemon } = await connectFake();
    let size = 0;
    const call = connection.call(RECEIVE, ['/f'], undefined, { sink: (bytes) => void (size += bytes.length) });
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial));
    await stream(daemon, 2000);
    daemon.send(END_CHUNK);
    await call;
    expect(size).toBe(2000 * 8192);
  });
});

async function stream(daemon: FakeDaemon, chunks: number): Promise<void> {
  const one = chunk(Buffer.alloc(8192));
  for (let i = 0; i < chunks; i++) await daemon.sendSlowly(one);
}
