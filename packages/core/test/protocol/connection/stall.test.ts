import { describe, expect, test } from '@jest/globals';
import type { Connection } from '@guestfs/core';
import { GuestfsError } from '../../../src/protocol/errors.js';
import { connectFake, rejection } from '../../support/fake-daemon.js';
import { ECHO, NOTHING, NUMBER, RECEIVE, SEND } from '../../support/procedures.js';
import { chunk, i32, okReply, opaque } from '../../support/wire.js';

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

const NO_SPACE = { code: 'ERR_GUESTFS_NO_SPACE' };

/** Stops the daemon's machine; counts how often it was told to try again. */
function stall(connection: Connection): { retries: number } {
  const counted = { retries: 0 };
  connection.stall({
    failure: (where) => new GuestfsError('ERR_GUESTFS_NO_SPACE', 'the disk is full', where),
    retry: () => counted.retries++,
  });
  return counted;
}

describe('a machine that stands still', () => {
  test('fails the calls that were sent and those that wait, and sends nothing more', async () => {
    const { connection, daemon } = await connectFake();
    const sent = rejection(connection.call(ECHO, ['sent']));
    const upload = rejection(connection.call(SEND, ['/f'], undefined, { source: (async function* () {})() }));
    await daemon.call();
    stall(connection);
    expect(await sent).toMatchObject({ ...NO_SPACE, operation: 'echo', args: '("sent")', serial: 1 });
    expect(await upload).toMatchObject({ ...NO_SPACE, operation: 'send', serial: undefined });
    expect(connection.stalled).toMatchObject(NO_SPACE);
    await pause();
    expect(daemon.unread).toBe(0);
  });

  test('is tried again by a call, which is sent when all from before is answered', async () => {
    const { connection, daemon } = await connectFake();
    const lost = rejection(connection.call(NUMBER));
    const { serial } = await daemon.call();
    const counted = stall(connection);
    await lost;
    const next = connection.call(ECHO, ['next']);
    expect(counted.retries).toBe(1);
    connection.proceed();
    expect(connection.stalled).toBeNull();
    await pause();
    expect(daemon.unread).toBe(0);
    daemon.send(okReply(2, serial, i32(7)));
    await daemon.answer(opaque('right'));
    expect(await next).toBe('right');
  });

  test('fails the call that had it tried again where it stops once more', async () => {
    const { connection, daemon } = await connectFake();
    const counted = stall(connection);
    const next = connection.call(ECHO, ['next']);
    expect(counted.retries).toBe(1);
    connection.proceed();
    await daemon.call();
    stall(connection);
    expect(await rejection(next)).toMatchObject(NO_SPACE);
  });

  test('gives an upload up, and is in step when it runs again', async () => {
    const { connection, daemon } = await connectFake();
    const source = (async function* () {
      yield Buffer.alloc(8192, 'x');
      await new Promise(() => undefined);
    })();
    const upload = connection.call(SEND, ['/f'], undefined, { source });
    const { serial } = await daemon.call();
    expect((await daemon.chunk()).data).toHaveLength(8192);
    stall(connection);
    expect(await rejection(upload)).toMatchObject(NO_SPACE);
    const next = connection.call(NUMBER);
    connection.proceed();
    expect((await daemon.file()).cancelled).toBe(true);
    daemon.send(okReply(4, serial));
    await daemon.answer(i32(1));
    expect(await next).toBe(1);
  });

  test('gives a download up, and is in step when it runs again', async () => {
    const { connection, daemon } = await connectFake();
    const download = connection.call(RECEIVE, ['/f'], undefined, { sink: { write: () => undefined } as never });
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial), chunk('some'));
    await pause();
    stall(connection);
    expect(await rejection(download)).toMatchObject(NO_SPACE);
    const next = connection.call(NUMBER);
    connection.proceed();
    expect((await daemon.frame()).toString()).toBe('cancel');
    daemon.send(chunk('more'), chunk(''));
    await daemon.answer(i32(1));
    expect(await next).toBe(1);
  });

  test('does not keep a connection from closing', async () => {
    const { connection } = await connectFake();
    const running = rejection(connection.call(NOTHING));
    stall(connection);
    expect(await running).toMatchObject(NO_SPACE);
    const waiting = rejection(connection.call(NOTHING));
    await connection.close({ timeout: 600_000 });
    expect(await waiting).toMatchObject({ code: 'ERR_GUESTFS_CLOSED' });
  });
});
