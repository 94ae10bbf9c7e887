import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { nativeDaemonMissing } from '../../support/native-daemon.js';
import { openNative, type NativeGuestfs } from '../../support/native-guestfs.js';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const whenPossible = nativeDaemonMissing() === null ? describe : describe.skip;

/** Runs `work` and resolves with how much the resident memory grew at most, in bytes. */
async function growth(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return most - before;
}

whenPossible('memory while files move', () => {
  let native: NativeGuestfs;
  let file: string;

  beforeAll(async () => {
    native = await openNative();
    file = join(native.folder, 'sparse');
    await writeFile(file, '');
    await truncate(file, 4 * GIB);
    // What runs the first time stays in memory.
    for await (const chunk of native.g.downloadOffset(file, 0n, 64 * MIB)) void chunk;
  });
  afterAll(async () => native[Symbol.asyncDispose]());

  it('grows by less than 64 MB while a slow consumer takes 4 GiB', async () => {
    let size = 0;
    let pauses = 0;
    const grown = await growth(async () => {
      for await (const chunk of native.g.download(file)) {
        size += chunk.length;
        if (size / (32 * MIB) > pauses) {
          pauses++;
          await delay(20);
        }
      }
    });
    expect(size).toBe(4 * GIB);
    expect(grown).toBeLessThan(64 * MIB);
  }, 120_000);

  it('stops the daemon while a writable takes nothing', async () => {
    let taken = 0;
    let go: () => void = () => undefined;
    const stuck = new Writable({
      write(chunk: Buffer, _encoding, done) {
        taken += chunk.length;
        go = done;
      },
    });
    const controller = new AbortController();
    const running = native.g.download(file, stuck, { signal: controller.signal });
    running.catch(() => undefined);
    const grown = await growth(() => delay(1500));
    expect(taken).toBeLessThan(4 * MIB);
    expect(grown).toBeLessThan(64 * MIB);
    controller.abort();
    go();
    await expect(running).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
    expect((await native.g.statns(file)).stSize).toBe(BigInt(4 * GIB));
  });

  it('reads a source only as fast as the daemon writes', async () => {
    let given = 0;
    const controller = new AbortController();
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        given += MIB;
        yield Buffer.alloc(MIB, 'x');
      }
    }
    const target = join(native.folder, 'endless');
    native.daemon.kill('SIGSTOP');
    const running = native.g.upload(endless(), target, { signal: controller.signal });
    running.catch(() => undefined);
    await delay(1000);
    expect(given).toBeLessThan(32 * MIB);
    native.daemon.kill('SIGCONT');
    controller.abort(new Error('enough'));
    await expect(running).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
    expect(await native.g.exists(file)).toBe(true);
  });
});
