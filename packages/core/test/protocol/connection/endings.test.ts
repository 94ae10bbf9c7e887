import { describe, expect, test } from '@jest/globals';
import type { Operation } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import { connectFake, rejection, type FakeDaemon } from '../../support/fake-daemon.js';
import { NOTHING, NUMBER, RECEIVE, SEND } from '../../support/procedures.js';
import { CANCEL_CHUNK, CANCEL_WORD, chunk, END_CHUNK, errorReply, i32, okReply } from '../../support/wire.js';

/** Starts a download of which one chunk has arrived. */
async function midFile(procedure: typeof RECEIVE = RECEIVE) {
  const { connection, daemon } = await connectFake();
  let arrived!: () => void;
  const first = new Promise<void>((resolve) => (arrived = resolve));
  const operation = connection.call(procedure, ['/f'], undefined, { sink: () => arrived() });
  operation.catch(() => undefined);
  const { proc, serial } = await daemon.call();
  daemon.send(okReply(proc, serial), chunk('first'));
  await first;
  return { connection, daemon, operation, proc, serial };
}

/** Cancels it, and waits until the daemon was told. */
async function cancelled(operation: Operation<void>, daemon: FakeDaemon): Promise<void> {
  operation.cancel();
  expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
  expect(await daemon.read(4)).toEqual(CANCEL_WORD);
}

const empty = async function* () {};

describe('the end of a download that was cancelled', () => {
  test.each(['a call', 'an upload', 'a download'])('may be told twice before the answer to %s', async (next) => {
    const { connection, daemon, operation } = await midFile();
    await cancelled(operation, daemon);
    daemon.send(CANCEL_CHUNK);
    if (next === 'a call') {
      const call = connection.call(NUMBER);
      const { serial } = await daemon.call();
      daemon.send(CANCEL_CHUNK, okReply(2, serial, i32(7)));
      expect(await call).toBe(7);
    } else if (next === 'an upload') {
      const call = connection.call(SEND, ['/f'], undefined, { source: empty() });
      const { serial } = await daemon.call();
      daemon.send(CANCEL_CHUNK);
      await daemon.file();
      daemon.send(okReply(4, serial));
      await call;
    } else {
      const parts: Buffer[] = [];
      const call = connection.call(RECEIVE, ['/f'], undefined, { sink: (bytes) => void parts.push(bytes) });
      const { serial } = await daemon.call();
      daemon.send(CANCEL_CHUNK, okReply(5, serial), chunk('second'), END_CHUNK);
      await call;
      expect(Buffer.concat(parts).toString()).toBe('second');
    }
  });

  test('may be told twice in one go, with nothing called after', async () => {
    const { connection, daemon, operation } = await midFile();
    await cancelled(operation, daemon);
    daemon.send(CANCEL_CHUNK, CANCEL_CHUNK);
    const next = connection.call(NUMBER);
    await daemon.answer(i32(1));
    expect(await next).toBe(1);
  });

  test.each([
    ['three times', [CANCEL_CHUNK, CANCEL_CHUNK, CANCEL_CHUNK]],
    ['once more after an end', [END_CHUNK, CANCEL_CHUNK]],
    ['by an end after that', [CANCEL_CHUNK, END_CHUNK]],
    ['with data after that', [CANCEL_CHUNK, chunk('more')]],
  ])('may not be told %s', async (_, frames) => {
    const { connection, daemon, operation } = await midFile();
    await cancelled(operation, daemon);
    daemon.send(...frames);
    const { reason } = await connection.closed;
    expect(reason).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
  });

  test('may not be told again after the answer to another call', async () => {
    const { connection, daemon, operation } = await midFile();
    await cancelled(operation, daemon);
    daemon.send(CANCEL_CHUNK);
    const next = connection.call(NOTHING);
    await daemon.answer();
    await next;
    daemon.send(CANCEL_CHUNK);
    expect((await connection.closed).reason.code).toBe('ERR_GUESTFS_CONNECTION_LOST');
  });

  test('may not be told to one who has not cancelled', async () => {
    const { connection, daemon, operation } = await midFile();
    daemon.send(CANCEL_CHUNK, CANCEL_CHUNK);
    expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_TRANSFER' });
    expect((await connection.closed).reason.code).toBe('ERR_GUESTFS_CONNECTION_LOST');
  });

  test('is found out by a call of the line where it is not told', async () => {
    const { connection, daemon, operation } = await midFile();
    await cancelled(operation, daemon);
    const next = connection.call(NUMBER);
    const probe = await daemon.call();
    expect(probe.proc).toBe(92);
    daemon.send(okReply(92, probe.serial));
    await daemon.answer(i32(3));
    expect(await next).toBe(3);
  });

  test('may come before the answer to that call', async () => {
    const { connection, daemon, operation } = await midFile();
    await cancelled(operation, daemon);
    const probe = await daemon.call();
    daemon.send(chunk('late'), CANCEL_CHUNK, CANCEL_CHUNK, okReply(92, probe.serial));
    const next = connection.call(NUMBER);
    await daemon.answer(i32(4));
    expect(await next).toBe(4);
  });

  test.each([procedures.internalFilesystemWalk, procedures.internalFindInode])(
    'is waited for, without telling the daemon, where that does not stop it: $name',
    async ({ proc }) => {
      const { connection, daemon, operation, serial } = await midFile({ ...RECEIVE, proc });
      operation.cancel();
      expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
      const next = connection.call(NUMBER);
      // What the daemon is told comes before what it answers to that.
      daemon.send(chunk('more'));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(daemon.unread).toBe(0);
      daemon.send(chunk('and more'), END_CHUNK);
      const call = await daemon.call();
      expect(call.serial).toBe(serial + 1);
      daemon.send(okReply(call.proc, call.serial, i32(5)));
      expect(await next).toBe(5);
    },
  );

  test('is asked for once where the target fails and the call is cancelled', async () => {
    const { connection, daemon } = await connectFake();
    let arrived!: () => void;
    const first = new Promise<void>((resolve) => (arrived = resolve));
    const sink = (): void => {
      arrived();
      throw new Error('full');
    };
    const operation = connection.call(RECEIVE, ['/f'], undefined, { sink });
    const { serial } = await daemon.call();
    daemon.send(okReply(5, serial), chunk('x'));
    await first;
    operation.cancel();
    await rejection(operation);
    expect(await daemon.read(4)).toEqual(CANCEL_WORD);
    daemon.send(CANCEL_CHUNK);
    const next = connection.call(NOTHING);
    await daemon.answer();
    await next;
  });
});

describe('an error in the middle of a file', () => {
  test.each([
    ['gave it up', CANCEL_CHUNK],
    ['ended it', END_CHUNK],
  ])('is what the call rejects with, when the daemon %s after', async (_, end) => {
    const { connection, daemon, operation, serial } = await midFile();
    daemon.send(errorReply(5, serial, 'EIO', 'too long'), end);
    expect(await rejection(operation)).toMatchObject({ code: 'EIO' });
    const next = connection.call(NUMBER);
    await daemon.answer(i32(6));
    expect(await next).toBe(6);
  });

  test.each([
    ['an ok reply', (serial: number) => okReply(5, serial)],
    ['an error of another call', (serial: number) => errorReply(5, serial + 9, '', 'x')],
  ])('is not %s', async (_, message) => {
    const { connection, daemon, operation, serial } = await midFile();
    daemon.send(message(serial));
    expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    expect((await connection.closed).expected).toBe(false);
  });
});

describe('a call that the daemon does not answer', () => {
  test('rejects when a later one is answered, and the connection stays', async () => {
    const { connection, daemon } = await connectFake();
    const calls = [connection.call(NUMBER), connection.call(NUMBER), connection.call(NUMBER)];
    const outcomes = Promise.allSettled(calls);
    await daemon.call();
    await daemon.call();
    const { serial } = await daemon.call();
    daemon.send(okReply(2, serial, i32(3)));
    expect(await outcomes).toMatchObject([
      { reason: { code: 'ERR_GUESTFS_DAEMON', message: expect.stringContaining('no answer') } },
      { reason: { code: 'ERR_GUESTFS_DAEMON' } },
      { value: 3 },
    ]);
    const next = connection.call(NUMBER);
    await daemon.answer(i32(8));
    expect(await next).toBe(8);
  });

  test('may be one with a file of rules: the line asks behind it', async () => {
    const { connection, daemon } = await connectFake();
    const load = (): Operation<void> => connection.call(procedures.yaraLoad, [], undefined, { source: empty() });
    const silent = load();
    await daemon.call();
    await daemon.file();
    daemon.send(okReply(92, (await daemon.call()).serial));
    expect(await rejection(silent)).toMatchObject({
      code: 'ERR_GUESTFS_DAEMON',
      hint: expect.stringContaining('another version of YARA'),
    });
    const loaded = load();
    const { proc, serial } = await daemon.call();
    await daemon.file();
    daemon.send(okReply(proc, serial), okReply(92, (await daemon.call()).serial));
    await loaded;
  });
});

describe("the daemon's refusal of an upload", () => {
  test('that comes twice is obeyed once', async () => {
    const { connection, daemon } = await connectFake();
    const source = (async function* () {
      for (;;) yield Buffer.alloc(8192);
    })();
    const upload = connection.call(SEND, ['/f'], undefined, { source });
    const { serial } = await daemon.call();
    daemon.send(CANCEL_WORD, CANCEL_WORD);
    expect((await daemon.file()).cancelled).toBe(true);
    daemon.send(errorReply(4, serial, 'ENOSPC', 'full'));
    expect(await rejection(upload)).toMatchObject({ code: 'ENOSPC' });
    const next = connection.call(NUMBER);
    await daemon.answer(i32(9));
    expect(await next).toBe(9);
  });

  test('that crosses with the end of the file, and with a cancelling, is skipped', async () => {
    const { connection, daemon } = await connectFake();
    const ended = connection.call(SEND, ['/f'], undefined, { source: empty() });
    const first = await daemon.call();
    expect((await daemon.file()).cancelled).toBe(false);
    daemon.send(CANCEL_WORD, errorReply(4, first.serial, 'ENOSPC', 'full'));
    expect(await rejection(ended)).toMatchObject({ code: 'ENOSPC' });

    const endless = (async function* () {
      for (;;) yield Buffer.alloc(8192);
    })();
    const given = connection.call(SEND, ['/f'], undefined, { source: endless });
    const second = await daemon.call();
    given.cancel();
    expect((await daemon.file()).cancelled).toBe(true);
    daemon.send(CANCEL_WORD, errorReply(4, second.serial, '', 'cancelled'));
    expect(await rejection(given)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
    const next = connection.call(NUMBER);
    await daemon.answer(i32(10));
    expect(await next).toBe(10);
  });
});
