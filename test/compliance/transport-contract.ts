import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import type { Transport } from '@guestfs/core';

/** The far end of a transport, as the suite drives it. */
export interface TransportPeer {
  /** Sends bytes to the transport. */
  send(bytes: Uint8Array): void;
  /** All bytes that the transport has sent so far. */
  received(): Buffer;
  /** Stops (true) or goes on taking what the transport sends. */
  stall(stalled: boolean): void;
  /** Ends in order: the transport sees an end without a reason. */
  end(): void;
  /** Whether the far end has seen the transport's end. */
  ended(): boolean;
  /** Frees what was made. */
  dispose(): Promise<void> | void;
}

/** A transport that was not started, with its far end. */
export interface TransportPair {
  readonly transport: Transport;
  readonly peer: TransportPeer;
}

/** What a transport told its receiver. */
class Log {
  readonly parts: Buffer[] = [];
  readonly ends: (Error | undefined)[] = [];
  afterEnd = 0;

  start(transport: Transport): this {
    transport.start({
      data: (bytes) => {
        if (this.ends.length > 0) this.afterEnd++;
        this.parts.push(Buffer.from(bytes));
      },
      end: (reason) => this.ends.push(reason),
    });
    return this;
  }

  get text(): string {
    return Buffer.concat(this.parts).toString();
  }

  get size(): number {
    return this.parts.reduce((sum, part) => sum + part.length, 0);
  }
}

/** Waits until something holds; fails after five seconds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (const limit = Date.now() + 5_000; !holds();) {
    if (Date.now() > limit) throw new Error(`waited in vain: ${what}`);
    await delay(2);
  }
}

/** The contract of {@link Transport}, as tests. Run it against every transport there is. */
export function describeTransport(name: string, make: () => Promise<TransportPair> | TransportPair): void {
  describe(`${name} obeys the transport contract`, () => {
    let pair: TransportPair | null = null;
    const setUp = async (): Promise<TransportPair> => (pair = await make());

    afterEach(async () => {
      pair?.transport.destroy();
      await pair?.peer.dispose();
      pair = null;
    });

    test('has a name', async () => {
      const { transport } = await setUp();
      expect(transport.name).not.toBe('');
    });

    test('carries bytes both ways, in order', async () => {
      const { transport, peer } = await setUp();
      const log = new Log().start(transport);
      for (const word of ['one ', 'two ', 'three']) {
        transport.write(Buffer.from(word));
        peer.send(Buffer.from(word));
      }
      await until(() => log.text === 'one two three', 'bytes from the peer');
      await until(() => peer.received().toString() === 'one two three', 'bytes to the peer');
    });

    test('keeps what comes before start', async () => {
      const { transport, peer } = await setUp();
      peer.send(Buffer.from('early'));
      await delay(20);
      const log = new Log().start(transport);
      await until(() => log.text === 'early', 'the early bytes');
    });

    test('keeps bytes and an end that come before start', async () => {
      const { transport, peer } = await setUp();
      peer.send(Buffer.from('last words'));
      peer.end();
      await delay(20);
      const log = new Log().start(transport);
      expect(log.parts).toEqual([]);
      await until(() => log.ends.length === 1, 'the end');
      expect(log.text).toBe('last words');
      expect(log.ends).toEqual([undefined]);
    });

    test('passes a large amount on unchanged', async () => {
      const { transport, peer } = await setUp();
      const log = new Log().start(transport);
      const block = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) & 0xff));
      for (let i = 0; i < 20; i++) peer.send(Buffer.from(block));
      for (let i = 0; i < 20; i++) transport.write(Buffer.from(block));
      await until(() => log.size === 2_000_000 && peer.received().length === 2_000_000, 'two megabytes');
      const whole = Buffer.concat(new Array<Buffer>(20).fill(block));
      expect(Buffer.concat(log.parts).equals(whole)).toBe(true);
      expect(peer.received().equals(whole)).toBe(true);
    });

    test('delivers nothing between pause and resume', async () => {
      const { transport, peer } = await setUp();
      const log = new Log().start(transport);
      peer.send(Buffer.from('a'));
      await until(() => log.text === 'a', 'the first byte');
      transport.pause();
      peer.send(Buffer.from('b'));
      await delay(30);
      expect(log.text).toBe('a');
      transport.pause();
      transport.resume();
      await until(() => log.text === 'ab', 'the second byte');
    });

    test('can be paused from within data', async () => {
      const { transport, peer } = await setUp();
      let size = 0;
      let calls = 0;
      transport.start({
        data: (bytes) => {
          size += bytes.length;
          calls++;
          transport.pause();
        },
        end: () => undefined,
      });
      for (let i = 0; i < 8; i++) peer.send(Buffer.alloc(50_000));
      for (let seen = 0; size < 400_000; seen = calls) {
        await until(() => calls > seen, 'one more buffer');
        await delay(5);
        expect(calls).toBe(seen + 1);
        transport.resume();
      }
    });

    test('keeps one that writes as it is released at the pace of the peer', async () => {
      const { transport, peer } = await setUp();
      new Log().start(transport);
      peer.stall(true);
      const block = Buffer.alloc(64 * 1024, 1);
      const goal = 8 * 1024 * 1024;
      let written = 0;
      const write = (): void => {
        if (written >= goal) return;
        written += block.length;
        transport.write(block, () => setImmediate(write));
      };
      for (let inFlight = 0; inFlight < 4; inFlight++) write();
      // What lies between the two ends may take some before all of it stands still.
      for (let before = -1; before < written;) {
        before = written;
        await delay(100);
      }
      expect(written).toBeLessThan(goal);
      peer.stall(false);
      await until(() => peer.received().length === goal, 'all bytes');
    });

    test('tells once that what was written may be changed, and not while the peer takes nothing', async () => {
      const { transport, peer } = await setUp();
      new Log().start(transport);
      peer.stall(true);
      const block = Buffer.alloc(64 * 1024, 1);
      let written = 0;
      let released = 0;
      for (; released === written && written < 1024; written++) {
        transport.write(Buffer.from(block), () => released++);
        await delay(1);
      }
      expect(released).toBeLessThan(written);
      peer.stall(false);
      await until(() => released === written, 'all to be released');
      await until(() => peer.received().length === written * block.length, 'all bytes');
      expect(released).toBe(written);
    });

    test('releases what it could not send, and what comes after the end', async () => {
      const { transport, peer } = await setUp();
      const log = new Log().start(transport);
      peer.stall(true);
      let released = 0;
      for (let i = 0; i < 100; i++) transport.write(Buffer.alloc(64 * 1024), () => released++);
      transport.destroy();
      await until(() => log.ends.length === 1 && released === 100, 'the end and the releases');
      transport.write(Buffer.from('late'), () => released++);
      await until(() => released === 101, 'the release of a late write');
    });

    test('ends once, without a reason, when the peer ends in order', async () => {
      const { transport, peer } = await setUp();
      const log = new Log().start(transport);
      peer.end();
      await until(() => log.ends.length === 1, 'the end');
      await delay(20);
      expect(log.ends).toEqual([undefined]);
      expect(log.afterEnd).toBe(0);
    });

    test('drops what is written after the end', async () => {
      const { transport, peer } = await setUp();
      const log = new Log().start(transport);
      peer.end();
      await until(() => log.ends.length === 1, 'the end');
      expect(() => transport.write(Buffer.from('late'))).not.toThrow();
      await delay(20);
      expect(log.ends).toHaveLength(1);
    });

    test('close sends what is queued, then ends', async () => {
      const { transport, peer } = await setUp();
      const log = new Log().start(transport);
      for (let i = 0; i < 4; i++) transport.write(Buffer.alloc(50_000, i));
      await transport.close();
      expect(log.ends).toEqual([undefined]);
      await until(() => peer.ended() && peer.received().length === 200_000, 'the rest and the end');
    });

    test('close resolves before start', async () => {
      const { transport, peer } = await setUp();
      await transport.close();
      await until(() => peer.ended(), 'the end at the peer');
    });

    test('close resolves with a peer that takes nothing', async () => {
      const { transport, peer } = await setUp();
      const log = new Log().start(transport);
      peer.stall(true);
      for (let i = 0; i < 100; i++) transport.write(Buffer.alloc(64 * 1024));
      await transport.close();
      expect(log.ends).toHaveLength(1);
    }, 10_000);

    test('close resolves after the peer is gone', async () => {
      const { transport, peer } = await setUp();
      const log = new Log().start(transport);
      peer.end();
      await until(() => log.ends.length === 1, 'the end');
      await transport.close();
      await transport.close();
      expect(log.ends).toHaveLength(1);
    });

    test('destroy ends at once, with its reason', async () => {
      const { transport, peer } = await setUp();
      const log = new Log().start(transport);
      const reason = new Error('enough');
      transport.destroy(reason);
      transport.destroy(new Error('again'));
      await until(() => log.ends.length === 1, 'the end');
      expect(log.ends).toEqual([reason]);
      peer.send(Buffer.from('too late'));
      await until(() => peer.ended(), 'the end at the peer');
      expect(log.afterEnd).toBe(0);
    });

    test('close and destroy go in any order, and end comes once', async () => {
      const { transport } = await setUp();
      const log = new Log().start(transport);
      const closing = transport.close();
      transport.destroy();
      const again = transport.close();
      transport.destroy(new Error('late'));
      await closing;
      await again;
      await until(() => log.ends.length === 1, 'the end');
      await delay(20);
      expect(log.ends).toHaveLength(1);
    });

    test('pause and resume do nothing after the end', async () => {
      const { transport } = await setUp();
      const log = new Log().start(transport);
      await transport.close();
      expect(() => {
        transport.pause();
        transport.resume();
      }).not.toThrow();
      expect(log.ends).toHaveLength(1);
    });
  });
}
