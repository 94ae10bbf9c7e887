import { describe, expect, jest, test } from '@jest/globals';
import { connectFake, rejection, type FakeDaemon } from '../../support/fake-daemon.js';
import { ECHO, NOTHING, RECEIVE, SEND } from '../../support/procedures.js';
import { chunk, okReply, opaque } from '../../support/wire.js';

async function untilEnded(daemon: FakeDaemon): Promise<void> {
  for (let i = 0; i < 500 && !daemon.ended; i++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(daemon.ended).toBe(true);
}

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) {
    yield Buffer.alloc(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('close', () => {
  test('lets the calls that were issued finish, refuses new ones, and ends the transport', async () => {
    const { connection, daemon } = await connectFake();
    const running = connection.call(ECHO, ['x']);
    const closing = connection.close();
    expect(await rejection(connection.call(NOTHING))).toMatchObject({
      code: 'ERR_GUESTFS_CLOSED',
      message: 'nothing(): the connection is closed',
    });
    await daemon.answer(opaque('y'));
    expect(await running).toBe('y');
    await closing;
    expect(await connection.closed).toMatchObject({ expected: true, reason: { code: 'ERR_GUESTFS_CLOSED' } });
    await untilEnded(daemon);
    expect(await rejection(connection.call(NOTHING))).toMatchObject({ code: 'ERR_GUESTFS_CLOSED' });
  });

  test('waits no longer than it was told', async () => {
    const { connection } = await connectFake();
    const running = rejection(connection.call(NOTHING));
    await connection.close({ timeout: 20 });
    expect(await running).toMatchObject({ code: 'ERR_GUESTFS_CLOSED' });
  });

  test('is the same promise each time, and resolves after a loss', async () => {
    const { connection, daemon } = await connectFake();
    void daemon.transport.close();
    await connection.closed;
    expect(connection.close()).toBe(connection.close());
    await connection.close();
    expect(await connection.closed).toMatchObject({ expected: false });
  });

  test('is what await using does', async () => {
    const { connection, daemon } = await connectFake();
    await connection[Symbol.asyncDispose]();
    await untilEnded(daemon);
  });
});

describe('destroy', () => {
  test('rejects everything at once, with its reason as the cause', async () => {
    const { connection, daemon } = await connectFake();
    const reason = new Error('qemu exited with status 1');
    const calls = [connection.call(ECHO, ['secretless']), connection.call(NOTHING)].map(rejection);
    connection.destroy(reason);
    connection.destroy(new Error('again'));
    const [first, second] = await Promise.all(calls);
    expect(first).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST', operation: 'echo', cause: reason });
    expect(first?.message).toContain('qemu exited with status 1');
    expect(first?.message).toContain('echo("secretless")');
    expect(first?.stack).toContain('closing.test.ts');
    expect(second).toMatchObject({ operation: 'nothing', cause: reason });
    expect(connection.ended).toBe(true);
    expect(await connection.closed).toMatchObject({ expected: false, reason: { cause: reason } });
    await untilEnded(daemon);
  });

  test('without a reason is a close', async () => {
    const { connection } = await connectFake();
    const call = rejection(connection.call(NOTHING));
    connection.destroy();
    expect(await call).toMatchObject({ code: 'ERR_GUESTFS_CLOSED' });
    expect((await connection.closed).expected).toBe(true);
  });
});

describe('a daemon that goes away', () => {
  test.each<[string, (daemon: FakeDaemon) => Promise<void>]>([
    ['before it reads a call', async () => undefined],
    ['after it has read a call', async (daemon) => void (await daemon.call())],
    [
      'in the middle of a reply',
      async (daemon) => {
        const { serial } = await daemon.call();
        daemon.send(okReply(1, serial).subarray(0, 20));
      },
    ],
  ])('%s leaves no call open', async (_, step) => {
    const { connection, daemon } = await connectFake();
    const calls = Array.from({ length: 600 }, () => rejection(connection.call(NOTHING)));
    await step(daemon);
    void daemon.transport.close();
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    expect((await connection.closed).reason.message).toContain('the daemon closed the connection');
  });

  test('in the middle of an upload ends it and its source', async () => {
    const { connection, daemon } = await connectFake();
    const source = endless();
    const returned = jest.spyOn(source, 'return');
    const call = rejection(connection.call(SEND, ['/f'], undefined, { source }));
    await daemon.call();
    await daemon.chunk();
    daemon.transport.destroy();
    expect(await call).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(returned).toHaveBeenCalledTimes(1);
  });

  test('in the middle of an upload that waits for it ends it too', async () => {
    const { connection, daemon } = await connectFake();
    daemon.transport.pause();
    const source = (async function* () {
      for (;;) yield Buffer.alloc(100_000);
    })();
    const call = rejection(connection.call(SEND, ['/f'], undefined, { source }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    daemon.transport.destroy();
    expect(await call).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
  });

  test.each(['before its reply', 'in its middle', 'in a chunk'])('during a download, %s, rejects it', async (when) => {
    const { connection, daemon } = await connectFake();
    const parts: Buffer[] = [];
    const call = rejection(connection.call(RECEIVE, ['/f'], undefined, { sink: (bytes) => void parts.push(bytes) }));
    const { serial } = await daemon.call();
    if (when !== 'before its reply') daemon.send(okReply(5, serial), chunk('one'));
    if (when === 'in a chunk') daemon.send(chunk('two').subarray(0, 9));
    void daemon.transport.close();
    expect(await call).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    expect(Buffer.concat(parts).toString()).toBe(when === 'before its reply' ? '' : 'one');
  });

  test('is told to those who ask later', async () => {
    const { connection, daemon } = await connectFake();
    void daemon.transport.close();
    const end = await connection.closed;
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await connection.closed).toBe(end);
    const error = await rejection(connection.ping());
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST', operation: 'pingDaemon' });
  });
});
