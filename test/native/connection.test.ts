import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectUnix, Connection, type Operation } from '@guestfs/core';
import { procedures } from '../../packages/core/src/protocol/generated/procedures.js';
import {
  connectNative,
  nativeDaemonMissing,
  startNativeDaemon,
  type ConnectedDaemon,
  type NativeDaemon,
} from '../support/native-daemon.js';

const missing = nativeDaemonMissing();
const describeNative = missing === null ? describe : describe.skip;

/** Numbers that look random and are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function* blocks(size: number, block: Buffer, hash?: ReturnType<typeof createHash>): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; at += block.length) {
    const part = block.subarray(0, Math.min(block.length, size - at));
    hash?.update(part);
    yield part;
  }
}

describeNative('a native daemon', () => {
  let native: ConnectedDaemon;
  let connection: Connection;
  let daemon: NativeDaemon;
  const inFolder = (name: string): string => join(daemon.folder, name);

  beforeAll(async () => {
    native = await connectNative();
    ({ connection, daemon } = native);
  });
  afterAll(() => native[Symbol.asyncDispose]());

  /** Fails unless the next calls get their own answers. */
  async function expectInStep(): Promise<void> {
    const masks = await Promise.all([1, 2, 3].map(() => connection.call(procedures.getUmask)));
    expect(masks).toEqual([masks[0], masks[0], masks[0]]);
    await writeFile(inFolder('step'), 'in step');
    const entry = await connection.call(procedures.lstatns, [inFolder('step')]);
    expect(entry.stSize).toBe(7n);
  }

  test('answers calls of many kinds', async () => {
    await writeFile(inFolder('file'), 'line one\nline two\n');
    await symlink('file', inFolder('link'));
    expect(await connection.call(procedures.pingDaemon)).toBeUndefined();
    const { size, mtimeMs } = await stat(inFolder('file'));
    const entry = await connection.call(procedures.lstatns, [inFolder('file')]);
    expect(entry.stSize).toBe(BigInt(size));
    expect(entry.stMtimeSec).toBe(BigInt(Math.floor(mtimeMs / 1000)));
    const names = await connection.call(procedures.internalReadlinklist, [daemon.folder, ['link', 'file']]);
    expect(names).toEqual(['file', '']);
    const all = await connection.call(procedures.internalLstatnslist, [daemon.folder, ['file', 'none', 'link']]);
    expect(all.map((one) => one.stSize)).toEqual([BigInt(size), expect.anything(), 4n]);
  });

  test('keeps a file name that is not UTF-8', async () => {
    const name = Buffer.concat([Buffer.from(`${daemon.folder}/`), Buffer.from([0x66, 0xff, 0xfe])]);
    await writeFile(name, 'x');
    const entry = await connection.call(procedures.lstatns, [`${daemon.folder}/f\udcff\udcfe`]);
    expect(entry.stSize).toBe(1n);
  });

  test('gives its errno', async () => {
    const call = connection.call(procedures.lstatns, [inFolder('none')]);
    await expect(call).rejects.toMatchObject({ code: 'ENOENT', errno: 2, operation: 'lstatns' });
    await expect(connection.call(procedures.rmdir, [inFolder('file')])).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  test('answers 5000 calls sent ahead, every third of them with an error, in order', async () => {
    for (let i = 0; i < 20; i++) await writeFile(inFolder(`n${i}`), 'x'.repeat(i));
    const operations = Array.from({ length: 5000 }, (_, i) =>
      connection.call(procedures.lstatns, [inFolder(i % 3 === 0 ? `none${i}` : `n${i % 20}`)]),
    );
    for (const [i, result] of (await Promise.allSettled(operations)).entries()) {
      if (i % 3 === 0) {
        expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ENOENT' } });
        expect((result as PromiseRejectedResult).reason.message).toContain(`none${i}"`);
      } else {
        expect(result).toMatchObject({ status: 'fulfilled', value: { stSize: BigInt(i % 20) } });
      }
    }
  }, 120_000);

  test('stays in step over 10 000 calls with random cancels, transfers among them', async () => {
    const random = seeded(20_261);
    await writeFile(inFolder('source'), Buffer.alloc(100_000, 7));
    const expected = new Map<Operation<unknown>, (value: unknown) => void>();
    const outcomes = { done: 0, cancelled: 0 };
    const batch: Promise<void>[] = [];
    for (let i = 0; i < 10_000; i++) {
      const kind = random();
      let operation: Operation<unknown>;
      if (kind < 0.02) {
        const source = blocks(50_000, Buffer.alloc(9000, i & 0xff));
        operation = connection.call(procedures.upload, [inFolder('target')], undefined, { source });
      } else if (kind < 0.04) {
        let size = 0;
        const sink = (bytes: Buffer): void => void (size += bytes.length);
        operation = connection.call(procedures.download, [inFolder('source')], undefined, { sink });
        expected.set(operation, () => expect(size).toBe(100_000));
      } else {
        operation = connection.call(procedures.lstatns, [inFolder(`n${i % 20}`)]);
        expected.set(operation, (value) => expect(value).toMatchObject({ stSize: BigInt(i % 20) }));
      }
      const when = random();
      if (when < 0.1) operation.cancel('at once');
      else if (when < 0.2) setImmediate(() => operation.cancel('soon'));
      else if (when < 0.3) setTimeout(() => operation.cancel('later'), random() * 40);
      batch.push(
        operation.then(
          (value) => {
            expected.get(operation)?.(value);
            outcomes.done++;
          },
          (error: unknown) => {
            expect(error).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
            outcomes.cancelled++;
          },
        ),
      );
      if (batch.length === 1000) {
        await Promise.all(batch.splice(0));
        await expectInStep();
      }
    }
    expect(outcomes.done + outcomes.cancelled).toBe(10_000);
    expect(outcomes.cancelled).toBeGreaterThan(1000);
    expect(outcomes.done).toBeGreaterThan(5000);
  }, 120_000);

  test('takes and gives 300 MB unchanged, in flat memory', async () => {
    const size = 300_000_000;
    const block = Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 167) & 0xff));
    const sent = createHash('sha1');
    const before = process.memoryUsage().rss;
    let peak = before;
    const source = blocks(size, block, sent);
    await connection.call(procedures.upload, [inFolder('large')], undefined, { source, size: BigInt(size) });
    peak = Math.max(peak, process.memoryUsage().rss);
    expect((await stat(inFolder('large'))).size).toBe(size);
    const received = createHash('sha1');
    let count = 0;
    const sink = async (bytes: Buffer): Promise<void> => {
      received.update(bytes);
      if (++count % 500 === 0) {
        peak = Math.max(peak, process.memoryUsage().rss);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    await connection.call(procedures.download, [inFolder('large')], undefined, { sink });
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    expect(peak - before).toBeLessThan(64 * 1024 * 1024);
  }, 120_000);

  test('gives a sparse gigabyte to a slow reader in flat memory, and stops when the reader does', async () => {
    await writeFile(inFolder('sparse'), '');
    await truncate(inFolder('sparse'), 4 * 1024 ** 3);
    const before = process.memoryUsage().rss;
    let size = 0;
    let steps = 0;
    for await (const bytes of connection.download(procedures.download, [inFolder('sparse')])) {
      size += bytes.length;
      if (++steps % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      if (size > 1024 ** 3) break;
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    await expectInStep();
  }, 120_000);

  test('refuses an upload to a folder, and takes the next call', async () => {
    const source = blocks(10_000_000, Buffer.alloc(65_536));
    const call = connection.call(procedures.upload, [daemon.folder], undefined, { source, size: 10_000_000n });
    await expect(call).rejects.toMatchObject({ code: 'EISDIR' });
    await expectInStep();
  });

  test('refuses an upload to a full device in the middle', async () => {
    const source = blocks(50_000_000, Buffer.alloc(65_536));
    const call = connection.call(procedures.upload, ['/dev/full'], undefined, { source });
    await expect(call).rejects.toMatchObject({ message: expect.stringContaining('write error: /dev/full') });
    await expectInStep();
  });

  test('is given up by a source that fails, and takes the next call', async () => {
    const cause = new Error('cable pulled');
    const source = (async function* () {
      yield* blocks(1_000_000, Buffer.alloc(65_536));
      throw cause;
    })();
    const call = connection.call(procedures.upload, [inFolder('part')], undefined, { source });
    await expect(call).rejects.toMatchObject({ code: 'ERR_GUESTFS_TRANSFER', cause });
    await expectInStep();
  });

  test('is given up by a sink that fails, and takes the next call', async () => {
    let calls = 0;
    const sink = (): void => {
      if (++calls === 3) throw new Error('disk full here');
    };
    const call = connection.call(procedures.download, [inFolder('large')], undefined, { sink });
    await expect(call).rejects.toMatchObject({ code: 'ERR_GUESTFS_TRANSFER' });
    await expectInStep();
  });

  test('gives a file as a Node stream and a web stream', async () => {
    const readable = connection.download(procedures.download, [inFolder('source')]).readable();
    let size = 0;
    for await (const bytes of readable) size += (bytes as Buffer).length;
    for await (const bytes of connection.download(procedures.download, [inFolder('source')]).stream()) {
      size += bytes.length;
    }
    expect(size).toBe(200_000);
  });
});

describeNative('a native daemon that ends', () => {
  test('is closed in order, and exits', async () => {
    await using native = await connectNative();
    await native.connection.ping();
    await native.connection.close();
    await native.daemon.exited;
    expect(await native.connection.closed).toMatchObject({ expected: true });
  });

  test('by being killed rejects what is open', async () => {
    await using native = await connectNative();
    const { connection, daemon } = native;
    const source = blocks(10_000_000_000, Buffer.alloc(65_536));
    const calls = [
      connection.call(procedures.upload, ['/dev/null'], undefined, { source }),
      connection.call(procedures.getUmask),
    ].map((call) =>
      call.then(
        () => null,
        (error: unknown) => error,
      ),
    );
    setTimeout(() => daemon.kill(), 50);
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    expect((await connection.closed).expected).toBe(false);
  });

  test('serves one connection: opening a second one times out or is refused', async () => {
    await using daemon = await startNativeDaemon();
    const first = await Connection.open(await connectUnix(daemon.socket), { launchFlag: 'ping', timeout: 20_000 });
    const second = connectUnix(daemon.socket).then((transport) =>
      Connection.open(transport, { launchFlag: 'required', timeout: 200 }),
    );
    await expect(second).rejects.toMatchObject({ code: expect.stringMatching(/ATTACH|TIMEOUT|LOST/) });
    await first.ping();
    await first.close();
  });
});
