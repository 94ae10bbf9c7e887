import { describe, expect, test } from '@jest/globals';
import type { Progress } from '@guestfs/events';
import { connectFake, rejection, type FakeDaemon } from '../../support/fake-daemon.js';
import { NOTHING, RECEIVE } from '../../support/procedures.js';
import { CANCEL_CHUNK, chunk, END_CHUNK, okReply, progress } from '../../support/wire.js';

const pause = (ms = 10): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function serve(daemon: FakeDaemon, ...words: string[]): Promise<void> {
  const { serial } = await daemon.call();
  daemon.send(okReply(5, serial), ...words.map((word) => chunk(word)), END_CHUNK);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe('a download without a target', () => {
  test('is read with for await', async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.download(RECEIVE, ['/f']);
    void serve(daemon, 'hello ', 'world');
    expect(await collect(operation)).toBe('hello world');
    expect(await operation).toBeUndefined();
  });

  test('is read as a Node stream', async () => {
    const { connection, daemon } = await connectFake();
    void serve(daemon, 'hello ', 'world');
    expect(await collect(connection.download(RECEIVE, ['/f']).readable())).toBe('hello world');
  });

  test('is read as a web stream', async () => {
    const { connection, daemon } = await connectFake();
    void serve(daemon, 'hello ', 'world');
    expect(await collect(connection.download(RECEIVE, ['/f']).stream())).toBe('hello world');
  });

  test('is issued when reading starts, and blocks nobody before', async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.download(RECEIVE, ['/f']);
    const readable = operation.readable();
    const other = connection.call(NOTHING);
    expect((await daemon.answer()).proc).toBe(1);
    await other;
    await pause();
    expect(daemon.unread).toBe(0);
    void serve(daemon, 'x');
    expect(await collect(readable)).toBe('x');
  });

  test('awaited with no reader rejects', async () => {
    const { connection, daemon } = await connectFake();
    expect(await rejection(connection.download(RECEIVE, ['/f']))).toMatchObject({
      code: 'ERR_GUESTFS_NO_TARGET',
      operation: 'receive',
      hint: expect.stringContaining('for await'),
    });
    expect(daemon.unread).toBe(0);
  });

  test('may be awaited before it is read, in the same turn', async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.download(RECEIVE, ['/f']);
    const done = operation.then(() => 'done');
    void serve(daemon, 'x');
    expect(await collect(operation)).toBe('x');
    expect(await done).toBe('done');
  });

  test('has one reader', async () => {
    const { connection } = await connectFake();
    const operation = connection.download(RECEIVE, ['/f']);
    operation.readable();
    expect(() => operation.stream()).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_STATE' }));
    expect(() => operation[Symbol.asyncIterator]()).toThrow('read already');
  });

  test.each<[string, (read: AsyncIterable<Buffer>) => Promise<void>]>([
    [
      'break',
      async (source) => {
        for await (const _ of source) break;
      },
    ],
    [
      'throw',
      async (source) => {
        await rejection(
          (async () => {
            for await (const _ of source) throw new Error('out');
          })(),
        );
      },
    ],
  ])('is cancelled by protocol on %s, and the connection goes on', async (_, read) => {
    const { connection, daemon } = await connectFake();
    const operation = connection.download(RECEIVE, ['/f']);
    const reading = read(operation);
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial), chunk('first'));
    await reading;
    expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
    const next = connection.call(NOTHING);
    expect((await daemon.frame()).toString()).toBe('cancel');
    daemon.send(chunk('rest'), CANCEL_CHUNK);
    await daemon.answer();
    await next;
  });

  test('is cancelled when its stream is destroyed or its web stream cancelled', async () => {
    for (const how of ['node', 'web'] as const) {
      const { connection, daemon } = await connectFake();
      const operation = connection.download(RECEIVE, ['/f']);
      const readable = how === 'node' ? operation.readable() : null;
      const reader = how === 'web' ? operation.stream().getReader() : null;
      const first = reader === null ? new Promise((resolve) => readable!.once('data', resolve)) : reader.read();
      const { serial } = await daemon.call();
      daemon.send(okReply(5, serial), chunk('first'));
      await first;
      if (reader === null) readable!.destroy();
      else await reader.cancel();
      expect((await daemon.frame()).toString()).toBe('cancel');
      expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
    }
  });

  test('tells a failure to its reader after the bytes, and the promise needs no handler', async () => {
    const { connection, daemon } = await connectFake();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const bytes of connection.download(RECEIVE, ['/f'])) seen.push(bytes.toString());
    })();
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial), chunk('half'), CANCEL_CHUNK);
    expect(await rejection(reading)).toMatchObject({ code: 'ERR_GUESTFS_TRANSFER', operation: 'receive' });
    expect(seen).toEqual(['half']);
    await pause();
  });

  test('cancelled before it is read is never issued', async () => {
    const { connection, daemon } = await connectFake();
    const controller = new AbortController();
    const operation = connection.download(RECEIVE, ['/f'], undefined, { signal: controller.signal });
    const iterator = operation[Symbol.asyncIterator]();
    controller.abort('no');
    expect(await rejection(iterator.next())).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'no' });
    await pause();
    expect(daemon.unread).toBe(0);
  });

  test('stops the daemon when it is read slowly', async () => {
    const { connection, daemon } = await connectFake();
    const iterator = connection.download(RECEIVE, ['/f'])[Symbol.asyncIterator]();
    const first = iterator.next();
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial));
    let sent = 0;
    const sending = (async () => {
      for (; sent < 8_192_000; sent += 8192) await daemon.sendSlowly(chunk(Buffer.alloc(8192)));
      daemon.send(END_CHUNK);
    })();
    let size = (await first).value?.length ?? 0;
    await pause(100);
    expect(sent).toBeLessThan(2_000_000);
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) size += next.value.length;
    await sending;
    expect(size).toBe(8_192_000);
  });

  test('passes progress on', async () => {
    const { connection, daemon } = await connectFake();
    const seen: Progress[] = [];
    const operation = connection.download(RECEIVE, ['/f'], undefined, { onProgress: (message) => seen.push(message) });
    const reading = collect(operation);
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial), progress(5, serial, 1n, 2n), progress(5, serial, 2n, 2n), END_CHUNK);
    await reading;
    expect(seen.map((message) => message.fraction)).toEqual([0.5, 1]);
  });

  test("has the caller's line in its error", async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.download(RECEIVE, ['/f']);
    const reading = rejection(collect(operation));
    await daemon.refuse('ENOENT', 'gone');
    const { stack } = await reading;
    expect(stack).toMatch(/^GuestfsError: receive\("\/f"\): gone\n/);
    expect(stack?.split('\n').slice(1, 3).join('\n')).toMatch(/download\.test\.ts/);
  });
});
