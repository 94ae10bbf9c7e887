import { describe, expect, test } from '@jest/globals';
import { connectFake, rejection } from '../../support/fake-daemon.js';
import { ECHO, NUMBER, RECEIVE } from '../../support/procedures.js';
import { i32, okReply, opaque } from '../../support/wire.js';

/** Lines of a connection's log, to be waited for. */
function makeLog() {
  const lines: string[] = [];
  let wake: (() => void) | null = null;
  return {
    lines,
    log: (line: string): void => {
      lines.push(line);
      wake?.();
    },
    async until(count: number): Promise<string[]> {
      while (lines.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return lines;
    },
  };
}

describe('a call that was cancelled and runs on', () => {
  test('is told where others wait for it, once, and when it has ended', async () => {
    const log = makeLog();
    const { connection, daemon } = await connectFake({ log: log.log });
    const long = connection.call(ECHO, ['long']);
    const { serial } = await daemon.call();
    expect(connection.cancelledCall).toBeNull();
    long.cancel();
    await rejection(long);
    expect(connection.cancelledCall).toMatchObject({ call: 'echo("long")' });
    const waiting = [connection.call(NUMBER), connection.call(NUMBER)];
    expect((await log.until(1))[0]).toMatch(
      /^number\(\) waits for echo\("long"\), which was cancelled and which the daemon has been running for [1-9]\d*\.\d s$/,
    );
    daemon.send(okReply(3, serial, opaque('late')));
    await daemon.answer(i32(1));
    expect(await waiting[0]).toBe(1);
    expect(connection.cancelledCall).toBeNull();
    expect((await log.until(2))[1]).toBe('echo("long"), which was cancelled, has ended');
    await daemon.answer(i32(2));
    await Promise.all(waiting);
    expect(log.lines).toHaveLength(2);
    connection.destroy();
  });

  test('counts from when the daemon began with it', async () => {
    const { connection, daemon } = await connectFake();
    const first = connection.call(NUMBER);
    const second = connection.call(ECHO, ['x']);
    await new Promise((resolve) => setTimeout(resolve, 50));
    second.cancel();
    await rejection(second);
    // What the daemon is at is not cancelled.
    expect(connection.cancelledCall).toBeNull();
    const answered = performance.now();
    await daemon.answer(i32(1));
    await first;
    const { elapsed } = connection.cancelledCall!;
    expect(elapsed).toBeLessThanOrEqual(performance.now() - answered);
    connection.destroy();
  });

  test('may be a download that does not end', async () => {
    const { connection, daemon } = await connectFake();
    const download = connection.call(RECEIVE, ['/f'], undefined, { sink: () => undefined });
    await daemon.call();
    download.cancel();
    await rejection(download);
    expect(connection.cancelledCall).toMatchObject({ call: 'receive("/f")' });
    connection.destroy();
  });

  test('does not keep the connection from closing', async () => {
    const { connection, daemon } = await connectFake();
    const long = connection.call(NUMBER);
    await daemon.call();
    long.cancel();
    await rejection(long);
    // No answer comes, and five minutes would be waited for a call that is wanted.
    await connection.close({ timeout: 300_000 });
    expect(await connection.closed).toMatchObject({ expected: true });
  });
});
