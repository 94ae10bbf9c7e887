import { describe, expect, test } from '@jest/globals';
import type { Progress } from '@guestfs/events';
import { connectFake, rejection } from '../../support/fake-daemon.js';
import { NOTHING, RECEIVE } from '../../support/procedures.js';
import { CANCEL_CHUNK, chunk, END_CHUNK, errorReply, frame, okReply, progress, u32 } from '../../support/wire.js';

const pause = (ms = 10): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function collector(): { sink: (bytes: Buffer) => void; text: () => string; parts: Buffer[] } {
  const parts: Buffer[] = [];
  return { sink: (bytes) => void parts.push(bytes), text: () => Buffer.concat(parts).toString(), parts };
}

describe('a download', () => {
  test('gives all bytes to the sink and resolves', async () => {
    const { connection, daemon } = await connectFake();
    const { sink, parts } = collector();
    const operation = connection.call(RECEIVE, ['/f'], undefined, { sink });
    const data = Buffer.from(Array.from({ length: 200_003 }, (_, i) => (i * 13) & 0xff));
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial));
    for (let at = 0; at < data.length; at += 8192) daemon.send(chunk(data.subarray(at, at + 8192)));
    daemon.send(END_CHUNK);
    await operation;
    expect(Buffer.concat(parts).equals(data)).toBe(true);
  });

  test('gives few large buffers where the chunks come together, and splits harm nothing', async () => {
    const data = Buffer.from(Array.from({ length: 60_001 }, (_, i) => (i * 29) & 0xff));
    const chunks = [];
    for (let at = 0; at < data.length; at += 8192) chunks.push(chunk(data.subarray(at, at + 8192)));
    for (const cut of [0, 1, 3, 4, 9, 13, 8203, 8204, 8207, 20_000]) {
      const { connection, daemon } = await connectFake();
      const { sink, parts } = collector();
      const operation = connection.call(RECEIVE, ['/f'], undefined, { sink });
      const { serial } = await daemon.call();
      const stream = Buffer.concat([okReply(5, serial), ...chunks, END_CHUNK]);
      daemon.send(stream.subarray(0, cut), stream.subarray(cut));
      await operation;
      expect(Buffer.concat(parts).equals(data)).toBe(true);
      expect(parts.length).toBeLessThanOrEqual(4);
    }
  });

  test('gives few large buffers where the chunks come one by one, each with bytes of its own', async () => {
    const { connection, daemon } = await connectFake();
    const { sink, parts } = collector();
    const operation = connection.call(RECEIVE, ['/f'], undefined, { sink });
    const data = Buffer.from(Array.from({ length: 500_000 }, (_, i) => (i * 31) & 0xff));
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial));
    for (let at = 0; at < data.length; at += 8192) {
      daemon.send(chunk(data.subarray(at, at + 8192)));
      await Promise.resolve();
    }
    daemon.send(END_CHUNK);
    await operation;
    expect(Buffer.concat(parts).equals(data)).toBe(true);
    expect(parts.length).toBeLessThan(30);
  });

  test('gives what has come when no more comes', async () => {
    const { connection, daemon } = await connectFake();
    const { sink, text, parts } = collector();
    const operation = connection.call(RECEIVE, ['/f'], undefined, { sink });
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial), chunk('little'));
    while (parts.length === 0) await pause(1);
    expect(text()).toBe('little');
    // What the sink keeps must not hold a large block back.
    expect(parts[0]!.buffer.byteLength).toBeLessThan(64 * 1024);
    daemon.send(chunk(' more'), END_CHUNK);
    await operation;
    expect(text()).toBe('little more');
  });

  test('of nothing calls no sink', async () => {
    const { connection, daemon } = await connectFake();
    const { sink, parts } = collector();
    const operation = connection.call(RECEIVE, ['/f'], undefined, { sink });
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial), END_CHUNK);
    await operation;
    expect(parts).toEqual([]);
  });

  test('that the daemon refuses rejects, with no chunks read', async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(RECEIVE, ['/none'], undefined, { sink: () => undefined });
    const next = connection.call(NOTHING);
    await daemon.refuse('ENOENT', 'nothing there');
    expect(await rejection(operation)).toMatchObject({ code: 'ENOENT' });
    await daemon.answer();
    await next;
  });

  test('that the daemon gives up in the middle rejects', async () => {
    const { connection, daemon } = await connectFake();
    const { sink, text } = collector();
    const operation = connection.call(RECEIVE, ['/f'], undefined, { sink });
    const next = connection.call(NOTHING);
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial), chunk('half'), CANCEL_CHUNK);
    expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_TRANSFER', operation: 'receive', serial });
    expect(text()).toBe('half');
    await daemon.answer();
    await next;
  });

  test('waits for its sink, one buffer at a time, and then resolves', async () => {
    const { connection, daemon } = await connectFake();
    let open = 0;
    const seen: string[] = [];
    const sink = async (bytes: Buffer): Promise<void> => {
      expect(++open).toBe(1);
      await pause(5);
      seen.push(bytes.toString());
      open--;
    };
    const operation = connection.call(RECEIVE, ['/f'], undefined, { sink });
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial));
    for (const word of ['a', 'b', 'c']) {
      daemon.send(chunk(word));
      await pause(1);
    }
    daemon.send(END_CHUNK);
    await operation;
    expect(seen.join('')).toBe('abc');
  });

  test('with a slow sink stops the daemon', async () => {
    const { connection, daemon } = await connectFake();
    let release!: () => void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let taken = 0;
    const sink = (bytes: Buffer): Promise<void> => {
      taken += bytes.length;
      return gate;
    };
    const operation = connection.call(RECEIVE, ['/f'], undefined, { sink });
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial));
    let sent = 0;
    const sending = (async () => {
      for (; sent < 4_096_000; sent += 8192) await daemon.sendSlowly(chunk(Buffer.alloc(8192)));
      daemon.send(END_CHUNK);
    })();
    let stalled = -1;
    while (stalled !== sent) {
      stalled = sent;
      await pause(100);
    }
    expect(stalled).toBeLessThan(1_500_000);
    release();
    await sending;
    await operation;
    expect(taken).toBe(4_096_000);
  });

  test.each<[string, () => void | Promise<void>]>([
    [
      'throws',
      () => {
        throw new Error('disk full here');
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full here'))],
  ])('whose sink %s is given up by protocol', async (_, sink) => {
    const { connection, daemon } = await connectFake();
    let calls = 0;
    const counting = (): void | Promise<void> => {
      calls++;
      return sink();
    };
    const operation = rejection(connection.call(RECEIVE, ['/f'], undefined, { sink: counting }));
    const next = connection.call(NOTHING);
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial), chunk('one'));
    expect((await daemon.frame()).toString()).toBe('cancel');
    daemon.send(chunk('two'), chunk('three'), CANCEL_CHUNK);
    const error = await operation;
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_TRANSFER', cause: { message: 'disk full here' } });
    expect(calls).toBe(1);
    await daemon.answer();
    await next;
  });

  test('whose sink fails on the last bytes rejects', async () => {
    const { connection, daemon } = await connectFake();
    const sink = async (): Promise<void> => {
      await pause(5);
      throw new Error('no room');
    };
    const operation = rejection(connection.call(RECEIVE, ['/f'], undefined, { sink }));
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial), chunk('x'), END_CHUNK);
    expect(await operation).toMatchObject({ code: 'ERR_GUESTFS_TRANSFER', cause: { message: 'no room' } });
    const next = connection.call(NOTHING);
    await daemon.answer();
    await next;
    expect(daemon.unread).toBe(0);
  });

  test.each(['before the reply', 'in the middle', 'while the sink is slow'])(
    'cancelled %s leaves the connection in step',
    async (when) => {
      const { connection, daemon } = await connectFake();
      let calls = 0;
      const sink = (): Promise<void> | void => {
        calls++;
        if (when === 'while the sink is slow') return new Promise(() => undefined);
      };
      const operation = connection.call(RECEIVE, ['/f'], undefined, { sink });
      const next = connection.call(NOTHING);
      const { serial } = await daemon.call();
      if (when !== 'before the reply') {
        daemon.send(okReply(5, serial));
        for (let i = 0; i < 200; i++) daemon.send(chunk(Buffer.alloc(8192)));
        await pause();
        expect(calls).toBeGreaterThan(0);
      }
      operation.cancel('enough');
      expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'enough' });
      const callsThen = calls;
      expect((await daemon.frame()).toString()).toBe('cancel');
      if (when === 'before the reply') daemon.send(okReply(5, serial));
      daemon.send(chunk(Buffer.alloc(8192)), CANCEL_CHUNK);
      await daemon.answer();
      await next;
      expect(calls).toBe(callsThen);
    },
  );

  test('cancelled when its last chunk is on the way: the flag is stray, and all goes on', async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(RECEIVE, ['/f'], undefined, { sink: () => undefined });
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial), chunk('all'), END_CHUNK);
    operation.cancel();
    await rejection(operation);
    const next = connection.call(NOTHING);
    expect((await daemon.frame()).toString()).toBe('cancel');
    await daemon.answer();
    await next;
  });

  test('that the daemon refuses after it was cancelled is over', async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(RECEIVE, ['/f'], undefined, { sink: () => undefined });
    const next = connection.call(NOTHING);
    const { serial } = await daemon.call();
    operation.cancel();
    await rejection(operation);
    daemon.send(errorReply(5, serial, 'EIO', 'bad'));
    expect((await daemon.frame()).toString()).toBe('cancel');
    await daemon.answer();
    await next;
  });

  test('with a reply that makes no sense rejects, and its chunks are dropped', async () => {
    const { connection, daemon } = await connectFake();
    let calls = 0;
    const operation = rejection(connection.call(RECEIVE, ['/f'], undefined, { sink: () => void calls++ }));
    const next = connection.call(NOTHING);
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial, u32(5)), chunk('x'));
    expect((await daemon.frame()).toString()).toBe('cancel');
    daemon.send(CANCEL_CHUNK);
    expect(await operation).toMatchObject({ code: 'ERR_GUESTFS_PROTOCOL' });
    expect(calls).toBe(0);
    await daemon.answer();
    await next;
  });

  test('with a chunk that makes no sense ends the connection', async () => {
    const { connection, daemon } = await connectFake();
    const operation = rejection(connection.call(RECEIVE, ['/f'], undefined, { sink: () => undefined }));
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial), frame(u32(0), u32(9000), Buffer.alloc(9000)));
    expect(await operation).toMatchObject({
      code: 'ERR_GUESTFS_CONNECTION_LOST',
      cause: { code: 'ERR_GUESTFS_PROTOCOL' },
    });
  });

  test('without a sink is refused', async () => {
    const { connection } = await connectFake();
    expect(await rejection(connection.call(RECEIVE, ['/f']))).toMatchObject({ code: 'ERR_GUESTFS_NO_TARGET' });
  });

  test('passes progress on between its chunks, and counts bytes where it is asked to', async () => {
    const { connection, daemon } = await connectFake();
    const seen: Progress[] = [];
    const options = { sink: () => undefined, onProgress: (message: Progress) => void seen.push(message) };
    const first = connection.call(RECEIVE, ['/f'], undefined, options);
    const one = await daemon.call();
    daemon.send(okReply(5, one.serial), chunk('a'), progress(5, one.serial, 1n, 4n), chunk('b'), END_CHUNK);
    await first;
    const second = connection.call(RECEIVE, ['/f'], undefined, { ...options, countBytes: true });
    const two = await daemon.call();
    daemon.send(okReply(5, two.serial), progress(5, two.serial, 1n, 4n), chunk('abc'), END_CHUNK);
    await second;
    expect(seen).toMatchObject([
      { serial: one.serial, position: 1n, total: 4n },
      // The daemon left it out.
      { serial: one.serial, position: 4n, total: 4n, done: true },
      { serial: two.serial, position: 3n, total: 0n, fraction: null },
      { serial: two.serial, position: 3n, total: 3n, done: true },
    ]);
  });
});
