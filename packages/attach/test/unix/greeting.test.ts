import { describe, expect, test } from '@jest/globals';
import { memoryTransports, type MemoryTransport, type Transport } from '@guestfs/core';
import { greet, type GreetingOptions } from '../../src/unix/greeting.js';

const FLAG = Buffer.from('f5f55ff5', 'hex');
const signal = new AbortController().signal;

/** What a daemon answers to a ping, written by hand. */
function pong(serial: Buffer): Buffer {
  return Buffer.concat([Buffer.from('000000282000f5f5000000040000005c00000001', 'hex'), serial, Buffer.alloc(20)]);
}

/** A peer that keeps the pings it gets, and may answer them. */
function peer(transport: MemoryTransport, onPing: (serial: Buffer, count: number) => Buffer | null = () => null) {
  const pings: Buffer[] = [];
  let ended = false;
  transport.start({
    data: (bytes) => {
      for (let at = 0; at < bytes.length; at += 48) {
        // The daemon may be sending a file to an earlier client, and reads only this word then.
        expect(bytes.subarray(at, at + 4).toString('hex')).toBe('ffffeeee');
        const frame = bytes.subarray(at + 4, at + 48);
        expect(frame.subarray(0, 20).toString('hex')).toBe('000000282000f5f5000000040000005c00000000');
        expect(frame.subarray(24)).toEqual(Buffer.alloc(20));
        const serial = Buffer.from(frame.subarray(20, 24));
        pings.push(serial);
        const answer = onPing(serial, pings.length);
        if (answer !== null) transport.write(answer);
      }
    },
    end: () => (ended = true),
  });
  return { pings, ended: () => ended };
}

/** Resolves with what the greeted transport delivers until it ends or `count` bytes came. */
function read(transport: Transport, count: number): Promise<Buffer> {
  return new Promise((resolve) => {
    let all = Buffer.alloc(0);
    transport.start({
      data: (bytes) => {
        all = Buffer.concat([all, bytes]);
        if (all.length >= count) resolve(all);
      },
      end: () => resolve(all),
    });
  });
}

const quick: GreetingOptions = { timeout: 2000, signal, patience: 20, interval: 50 };

describe('greet', () => {
  test('takes the launch flag as the first word, and keeps what follows', async () => {
    const [here, there] = memoryTransports();
    const { pings } = peer(there);
    there.write(FLAG.subarray(0, 1));
    there.write(Buffer.concat([FLAG.subarray(1), Buffer.from('rest')]));
    const greeted = await greet(here, quick);
    there.write(Buffer.from(' and more'));
    expect((await read(greeted, 13)).toString()).toBe('rest and more');
    expect(pings).toEqual([]);
  });

  test('pings a daemon that said so to somebody else', async () => {
    const [here, there] = memoryTransports();
    const { pings } = peer(there, (serial) => pong(serial));
    await greet(here, quick);
    expect(pings).toHaveLength(1);
  });

  test('pings again while the daemon is not up; its flag and its late answers are dropped', async () => {
    const [here, there] = memoryTransports();
    peer(there, (serial, count) => {
      if (count < 3) return null;
      const all = Buffer.concat([FLAG, pong(serial), Buffer.from('new')]);
      return all;
    });
    const greeted = await greet(here, quick);
    expect((await read(greeted, 3)).toString()).toBe('new');
  });

  test('several answers: only that to the newest ping counts', async () => {
    const [here, there] = memoryTransports();
    const serials: Buffer[] = [];
    peer(there, (serial, count) => {
      serials.push(serial);
      return count < 3 ? null : Buffer.concat([...serials.map(pong), Buffer.from('new')]);
    });
    expect((await read(await greet(here, quick), 3)).toString()).toBe('new');
  });

  test('drops what the daemon had still to say to an earlier client, however it is cut', async () => {
    const [here, there] = memoryTransports();
    const old = Buffer.concat([Buffer.from([0, 0, 32, 8]), Buffer.alloc(5000, 0xf5), FLAG, pong(Buffer.from('abcd'))]);
    peer(there, (serial) => Buffer.concat([pong(serial), Buffer.from('new')]));
    for (let at = 0; at < old.length; at += 7) there.write(old.subarray(at, at + 7));
    expect((await read(await greet(here, quick), 3)).toString()).toBe('new');
  });

  test('an end after the greeting reaches whoever starts later', async () => {
    const [here, there] = memoryTransports();
    peer(there);
    there.write(FLAG);
    const greeted = await greet(here, quick);
    await there.close();
    expect(await read(greeted, 1)).toEqual(Buffer.alloc(0));
  });

  test.each([
    ['says nothing', (): void => undefined, /said nothing within 0.2 s/],
    [
      'sends half a flag',
      (there: MemoryTransport): void => void there.write(FLAG.subarray(0, 2)),
      /2 bytes, but no answer/,
    ],
    [
      'sends garbage',
      (there: MemoryTransport): void => void there.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
      /28 bytes, but no answer/,
    ],
    ['hangs up', (there: MemoryTransport): void => void there.close(), /closed the connection/],
  ])('fails within its deadline when the peer %s, and lets go', async (_, act, message) => {
    const [here, there] = memoryTransports();
    const { ended } = peer(there);
    act(there);
    await expect(greet(here, { ...quick, timeout: 200 })).rejects.toMatchObject({
      code: 'ERR_GUESTFS_ATTACH',
      message: expect.stringMatching(message),
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ended()).toBe(true);
  });

  test('a peer that babbles without end is given up early', async () => {
    const [here, there] = memoryTransports();
    let ended = false;
    const babble = (): void => {
      if (!ended) there.write(Buffer.alloc(1024 * 1024, 1), () => setImmediate(babble));
    };
    there.start({ data: () => undefined, end: () => (ended = true) });
    babble();
    const before = process.memoryUsage().rss;
    await expect(greet(here, { ...quick, timeout: 20_000 })).rejects.toMatchObject({ code: 'ERR_GUESTFS_ATTACH' });
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
  });

  test('is given up by its signal', async () => {
    const controller = new AbortController();
    const [here, there] = memoryTransports();
    const { ended } = peer(there);
    setTimeout(() => controller.abort(new Error('enough')), 30);
    await expect(greet(here, { ...quick, signal: controller.signal })).rejects.toThrow('enough');
    await expect(greet(memoryTransports()[0], { ...quick, signal: controller.signal })).rejects.toThrow('enough');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ended()).toBe(true);
  });
});
