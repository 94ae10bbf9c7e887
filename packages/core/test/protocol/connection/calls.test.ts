import { describe, expect, test } from '@jest/globals';
import type { Progress } from '@guestfs/events';
import { connectFake, rejection, type FakeDaemon } from '../../support/fake-daemon.js';
import { ECHO, NOTHING, NUMBER, UNLOCK } from '../../support/procedures.js';
import { errorReply, frame, header, i32, okReply, opaque, progress, u32 } from '../../support/wire.js';

describe('a call', () => {
  test('is sent with its arguments, and its answer resolves it', async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(ECHO, ['hello']);
    const call = await daemon.answer(opaque('world'));
    expect(call).toMatchObject({ proc: 3, serial: 1, hint: 0n, bitmask: 0n });
    expect(call.body).toEqual(opaque('hello'));
    expect(await operation).toBe('world');
  });

  test('rejects with the errno, message and serial of the daemon, and says which call it was', async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(ECHO, ['/nowhere']);
    await daemon.refuse('ENOENT', 'No such file or directory');
    const error = await rejection(operation);
    expect(error).toMatchObject({ name: 'GuestfsError', code: 'ENOENT', errno: 2, operation: 'echo', serial: 1 });
    expect(error.message).toBe('echo("/nowhere"): No such file or directory');
  });

  test.each([
    ['dispatch_incoming_message: unknown procedure number 517, set LIBGUESTFS_PATH to point to …', 'this function'],
    ['unknown option in optional arguments bitmask (this can happen …)', 'one of the options given'],
  ])('says that the daemon is too old where it answers "%s"', async (message, what) => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(NOTHING);
    await daemon.refuse('', message);
    const error = await rejection(operation);
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_NOT_AVAILABLE', cause: { message } });
    expect(error.message).toContain(`does not know ${what}`);
  });

  test.each(['', 'not an errno', 'e2big'])('has the code ERR_GUESTFS_DAEMON where errno is "%s"', async (errno) => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(NOTHING);
    await daemon.refuse(errno, 'it went wrong');
    expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_DAEMON', errno: undefined });
  });

  test('shows no secret in its error', async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(UNLOCK, ['/dev/sda', 'hunter2']);
    await daemon.refuse('EINVAL', 'wrong key');
    expect((await rejection(operation)).message).toBe('unlock("/dev/sda", ***): wrong key');
    const optional = connection.call(UNLOCK, ['/dev/sda', 'hunter2'], { again: 'hunter3' });
    await daemon.refuse('EINVAL', 'wrong key');
    expect((await rejection(optional)).message).toBe('unlock("/dev/sda", ***, { again: *** }): wrong key');
  });

  test("shows the caller's line", async () => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(NOTHING);
    await daemon.refuse('EPERM', 'no');
    expect((await rejection(operation)).stack?.split('\n')[1]).toMatch(/calls\.test\.ts/);
  });

  test("shows the caller's line also as one of very many, and of its own turn", async () => {
    const { connection, daemon } = await connectFake();
    const many = Array.from({ length: 40 }, () => rejection(connection.call(NOTHING)));
    const other = rejection(connection.call(ECHO, ['x']));
    await Promise.resolve();
    const later = rejection(connection.call(NOTHING));
    for (let i = 0; i < 42; i++) await daemon.refuse('EPERM', 'no');
    const line = async (error: Promise<Error>): Promise<string | undefined> =>
      /calls\.test\.ts:(\d+)/.exec((await error).stack ?? '')?.[1];
    const lines = await Promise.all(many.map(line));
    expect(new Set(lines).size).toBe(1);
    const first = Number(lines[0]);
    expect([await line(other), await line(later)].map(Number)).toEqual([first + 1, first + 3]);
  });

  test("shows the awaiting caller's line also after very many that were awaited one by one", async () => {
    const { connection, daemon } = await connectFake();
    async function fails(): Promise<void> {
      await connection.call(NOTHING);
    }
    for (let i = 0; i < 40; i++) {
      const failing = rejection(fails());
      await daemon.refuse('EPERM', 'no');
      expect((await failing).stack?.split('\n').slice(1, 3).join('\n')).toMatch(/calls\.test\.ts/);
    }
  });

  test('with arguments that cannot be sent rejects, and the next one works', async () => {
    const { connection, daemon } = await connectFake();
    const error = await rejection(connection.call(ECHO, [5]));
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT', operation: 'echo' });
    expect(error.message).toBe('echo(5): argument text must be a string');
    expect(await rejection(connection.call(ECHO, ['x'.repeat(5_000_000)]))).toMatchObject({
      code: 'ERR_GUESTFS_MESSAGE_TOO_LARGE',
      hint: expect.stringContaining('upload'),
      args: expect.stringMatching(/^\("x+/),
    });
    const next = connection.call(ECHO, ['ok']);
    await daemon.answer(opaque('fine'));
    expect(await next).toBe('fine');
  });

  test('whose answer makes no sense rejects alone', async () => {
    const { connection, daemon } = await connectFake();
    const both = [rejection(connection.call(NUMBER)), connection.call(NUMBER)];
    const first = await daemon.call();
    daemon.send(okReply(2, first.serial, i32(1), u32(0)));
    await daemon.answer(i32(7));
    const [error, number] = await Promise.all(both);
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_PROTOCOL', operation: 'number', serial: 1 });
    expect(number).toBe(7);
  });

  test('takes its arguments when it is made', async () => {
    const { connection, daemon } = await connectFake();
    const list = ['a'];
    const LIST = { ...NOTHING, args: [{ name: 'list', type: 'stringlist' as const }] };
    const operations = [connection.call(LIST, [list]), connection.call(LIST, [list])];
    list[0] = 'changed';
    for (let i = 0; i < 2; i++) expect((await daemon.answer()).body).toEqual(Buffer.concat([u32(1), opaque('a')]));
    await Promise.all(operations);
  });
});

describe('calls sent ahead', () => {
  test('go in one piece when issued in one turn, and are answered in order', async () => {
    const { connection, daemon } = await connectFake();
    const operations = Array.from({ length: 100 }, (_, i) => connection.call(ECHO, [`${i}`]));
    await daemon.read(0);
    for (let i = 0; i < 100; i++) expect((await daemon.call()).body).toEqual(opaque(`${i}`));
    daemon.send(Buffer.concat(Array.from({ length: 100 }, (_, i) => okReply(3, i + 1, opaque(`<${i}>`)))));
    expect(await Promise.all(operations)).toEqual(Array.from({ length: 100 }, (_, i) => `<${i}>`));
  });

  test('are at most 512 at a time, and all come through', async () => {
    const { connection, daemon } = await connectFake();
    const operations = Array.from({ length: 2000 }, () => connection.call(NOTHING));
    for (let i = 0; i < 512; i++) await daemon.call();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(daemon.unread).toBe(0);
    daemon.send(okReply(1, 1));
    expect((await daemon.call()).serial).toBe(513);
    for (let serial = 2; serial <= 513; serial++) daemon.send(okReply(1, serial));
    for (let serial = 514; serial <= 2000; serial++) await daemon.answer();
    await Promise.all(operations);
  });

  test('are bounded by their bytes too, but a long one alone goes', async () => {
    const { connection, daemon } = await connectFake();
    const text = 'x'.repeat(2_000_000);
    const operations = [connection.call(ECHO, [text]), connection.call(ECHO, [text]), connection.call(NOTHING)];
    const first = await daemon.call();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(daemon.unread).toBe(0);
    daemon.send(okReply(3, first.serial, opaque('1')));
    await daemon.answer(opaque('2'));
    await daemon.answer();
    expect(await Promise.all(operations)).toEqual(['1', '2', undefined]);
  });

  test('are not disturbed by one that fails', async () => {
    const { connection, daemon } = await connectFake();
    const operations = Array.from({ length: 50 }, () => connection.call(NUMBER));
    const settled = Promise.allSettled(operations);
    for (let i = 0; i < 50; i++) await (i % 2 === 0 ? daemon.answer(i32(i)) : daemon.refuse('EIO', `bad ${i}`));
    for (const [i, result] of (await settled).entries()) {
      if (i % 2 === 0) expect(result).toEqual({ status: 'fulfilled', value: i });
      else expect(result).toMatchObject({ status: 'rejected', reason: { code: 'EIO', serial: i + 1 } });
    }
  });
});

describe('progress', () => {
  test('reaches the call with its serial, before the result', async () => {
    const all: Progress[] = [];
    const { connection, daemon } = await connectFake({ onProgress: (message) => all.push(message) });
    const seen: bigint[] = [];
    const first = connection.call(NOTHING, [], undefined, { onProgress: (message) => seen.push(message.position) });
    const second = connection.call(NUMBER);
    const iterated = (async () => {
      const positions: bigint[] = [];
      for await (const message of second.progress()) positions.push(message.position);
      return positions;
    })();
    await daemon.call();
    await daemon.call();
    daemon.send(progress(1, 1, 1n, 3n), progress(1, 1, 3n, 3n), okReply(1, 1), progress(2, 2, 0n, 1n));
    await first;
    expect(seen).toEqual([1n, 3n]);
    daemon.send(progress(2, 2, 1n, 1n), okReply(2, 2, i32(4)));
    expect(await second).toBe(4);
    expect(await iterated).toContain(1n);
    expect(
      all.map(({ operation, serial, fraction, pulse, done }) => [operation, serial, fraction, pulse, done]),
    ).toEqual([
      ['nothing', 1, 1 / 3, false, false],
      ['nothing', 1, 1, false, true],
      ['number', 2, null, true, false],
      ['number', 2, 1, false, true],
    ]);
  });

  test('ends at position = total also where the daemon leaves that out, unless the call fails', async () => {
    const all: Progress[] = [];
    const { connection, daemon } = await connectFake({ onProgress: (message) => all.push(message) });
    const operations = [connection.call(NOTHING), connection.call(NOTHING), connection.call(NOTHING)];
    const settled = Promise.allSettled(operations);
    for (let i = 0; i < 3; i++) await daemon.call();
    daemon.send(progress(1, 1, 2n, 3n), okReply(1, 1));
    daemon.send(progress(1, 2, 7n, 0n), okReply(1, 2));
    daemon.send(progress(1, 3, 0n, 1n), errorReply(1, 3, 'EIO', 'bad'));
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(all.map(({ serial, position, total, pulse, done }) => [serial, position, total, pulse, done])).toEqual([
      [1, 2n, 3n, false, false],
      [1, 3n, 3n, false, true],
      [2, 7n, 0n, true, false],
      [2, 7n, 7n, false, true],
      [3, 0n, 1n, true, false],
    ]);
  });

  test('of no open call is dropped', async () => {
    const { connection, daemon } = await connectFake();
    daemon.send(progress(9, 9, 1n, 2n));
    const operation = connection.call(NOTHING);
    await daemon.answer();
    await operation;
  });
});

describe('the tap', () => {
  test('sees every byte both ways, and where secrets lie', async () => {
    const sent: Buffer[] = [];
    const received: Buffer[] = [];
    const hidden: Buffer[] = [];
    const tap = {
      sent: (bytes: Buffer, secrets: readonly { start: number; end: number }[]) => {
        sent.push(Buffer.from(bytes));
        for (const { start, end } of secrets) hidden.push(Buffer.from(bytes.subarray(start, end)));
      },
      received: (bytes: Buffer) => received.push(Buffer.from(bytes)),
    };
    const { connection, daemon } = await connectFake({ tap });
    const operations = [connection.call(UNLOCK, ['/dev/sda', 'hunter2']), connection.call(NOTHING)];
    const replies = [(await daemon.answer()).serial, (await daemon.answer()).serial];
    await Promise.all(operations);
    expect(sent.map((bytes) => bytes.readUInt32BE(4 + 8))).toEqual([6, 1]);
    expect(sent.map((bytes) => bytes.readUInt32BE(4 + 16))).toEqual(replies);
    expect(hidden).toEqual([opaque('hunter2'), opaque('')]);
    expect(Buffer.concat(received).subarray(4)).toEqual(Buffer.concat([okReply(6, 1), okReply(1, 2)]));
  });
});

describe('answers', () => {
  const answers: [string, (serial: number) => Buffer, string][] = [
    ['to another call', (serial) => okReply(1, serial + 1), 'a reply to call 2 of procedure 1 where 1 of 1 must be'],
    ['of another procedure', (serial) => okReply(9, serial), 'a reply to call 1 of procedure 9 where 1 of 1 must be'],
    ['to no call', (serial) => Buffer.concat([okReply(1, serial), okReply(1, 2)]), 'a reply with serial 2 to no call'],
    ['of another program', () => frame(u32(1), header(1, 1).subarray(4)), 'program 0x1'],
    ['too short for a header', () => frame(u32(0x2000f5f5)), 'bytes wanted'],
    ['of 5 MB', () => u32(5_000_000), '0x004c4b40 where a length of at most 4194304'],
    ['of text', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n'), '0x48545450'],
    ['with a second launch flag', () => Buffer.from('f5f55ff5', 'hex'), 'a launch flag in the middle'],
  ];
  test.each(answers)('%s end the connection', async (_, bytes, message) => {
    const { connection, daemon } = await connectFake();
    const operation = connection.call(NOTHING);
    void operation.catch(() => undefined);
    const call = await daemon.call();
    daemon.send(bytes(call.serial));
    const end = await connection.closed;
    expect(end).toMatchObject({
      expected: false,
      reason: { code: 'ERR_GUESTFS_CONNECTION_LOST', cause: { code: 'ERR_GUESTFS_PROTOCOL' } },
    });
    expect(end.reason.message).toContain(message);
    expect(await rejection(connection.call(NOTHING))).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    await expect(waitForEnd(daemon)).resolves.toBe(true);
  });

  test('come through byte by byte', async () => {
    const { connection, daemon } = await connectFake();
    const operation = rejection(connection.call(NOTHING));
    const { serial } = await daemon.call();
    for (const byte of errorReply(1, serial, 'EBUSY', 'in use')) daemon.send(Buffer.from([byte]));
    expect(await operation).toMatchObject({ code: 'EBUSY' });
  });
});

async function waitForEnd(daemon: FakeDaemon): Promise<boolean> {
  for (let i = 0; i < 200 && !daemon.ended; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  return daemon.ended;
}
