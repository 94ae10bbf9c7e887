import { execFileSync } from 'node:child_process';
import { open, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { ReadableStream, WritableStream } from 'node:stream/web';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Guestfs, type FileTarget, type GuestfsError, type Operation } from 'guestfs';
import { loadSpec } from '../../../tools/src/load.js';
import { camelCase } from '../../../tools/src/naming.js';
import { nativeDaemonMissing, startNativeDaemon, type NativeDaemon } from '../../support/native-daemon.js';
import { startRelay, type Relay } from '../../support/relay.js';
import { seeded } from '../../support/seeded.js';

const whenPossible = nativeDaemonMissing() === null ? describe : describe.skip;

type Method = (...args: unknown[]) => Operation<unknown>;

/** Every function that gives an operation, with arguments that fit. */
function everyOperation(none: string): [name: string, args: unknown[]][] {
  const values: Record<string, unknown> = {
    string: none,
    optstring: null,
    stringlist: [none],
    bool: false,
    int: 1,
    int64: 1n,
    buffer: Buffer.from('x'),
    pointer: null,
    filein: Buffer.from('x'),
    fileout: none,
  };
  const spec = loadSpec(fileURLToPath(new URL('../../../spec', import.meta.url)));
  return spec.topics
    .flatMap((topic) => topic.functions)
    .filter((each) => each.flags?.includes('sync') !== true)
    .map((each) => [camelCase(each.name), (each.args ?? []).map(({ type }) => values[type])]);
}

/** What an operation rejects with, and after how many milliseconds at most it must. */
async function rejection(operation: PromiseLike<unknown>, within = 2000): Promise<GuestfsError> {
  const late = delay(within, 'late', { ref: false });
  const outcome = await Promise.race([
    late,
    Promise.resolve(operation).then(
      () => 'it did not fail',
      (error: unknown) => error,
    ),
  ]);
  if (typeof outcome === 'string') throw new Error(outcome);
  return outcome as GuestfsError;
}

whenPossible('cancelling', () => {
  let daemon: NativeDaemon;
  let relay: Relay;
  let g: Guestfs;
  const at = (name: string): string => join(daemon.folder, name);
  const everything = (): [string, unknown[]][] => everyOperation(at('none'));

  beforeAll(async () => {
    daemon = await startNativeDaemon();
    relay = await startRelay(daemon);
    g = new Guestfs({ environment: {}, autosync: false, backend: `unix:${relay.socket}` });
    await g.launch();
    await writeFile(at('file'), 'content');
  });
  afterAll(async () => {
    await g.close();
    await relay[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  const stillWorks = async (): Promise<void> => expect(await g.cat(at('file'))).toBe('content');
  const call = (name: string, args: unknown[], signal: AbortSignal): Operation<unknown> =>
    (g as unknown as Record<string, Method>)[name]!(...args, { signal });

  /** Makes a pipe without a writer: opening it takes until somebody else opens it, so an upload of it holds the line. */
  const makePipe = (name: string): string => {
    execFileSync('mkfifo', [at(name)]);
    return at(name);
  };
  const release = async (pipe: string): Promise<void> => (await open(pipe, 'r+')).close();

  it('by a signal that fired before is not lost, and nothing is sent, whatever the function', async () => {
    const all = everything();
    expect(all.length).toBeGreaterThan(500);
    const before = relay.sent;
    relay.block();
    for (const [name, args] of all) {
      const error = await rejection(call(name, args, AbortSignal.abort('early')));
      expect([name, error.code, error.operation, error.cause]).toEqual([name, 'ERR_GUESTFS_CANCELLED', name, 'early']);
    }
    await delay(50);
    expect(relay.sent).toBe(before);
    relay.unblock();
    await stillWorks();
  }, 60_000);

  it('of what waits behind another function rejects at once, and it is never sent, whatever the function', async () => {
    const pipe = makePipe('pipe');
    const stop = new AbortController();
    const before = relay.sent;
    relay.block();
    const first = g.upload(pipe, at('never'));
    const waiting = everything().map(([name, args]) => ({ name, operation: call(name, args, stop.signal) }));
    const alone = g.getUmask();
    await delay(50);
    stop.abort(new Error('enough'));
    for (const { name, operation } of waiting) {
      const { code, cause } = await rejection(operation);
      expect([name, code, (cause as Error).message]).toEqual([name, 'ERR_GUESTFS_CANCELLED', 'enough']);
    }
    alone.cancel('alone');
    expect((await rejection(alone)).cause).toBe('alone');
    first.cancel('the first');
    expect((await rejection(first)).cause).toBe('the first');
    await delay(50);
    expect(relay.sent).toBe(before);
    relay.unblock();
    await release(pipe);
    await stillWorks();
    await expect(stat(at('never'))).rejects.toMatchObject({ code: 'ENOENT' });
  }, 60_000);

  it('of what waits for a launch rejects at once', async () => {
    await using other = await startNativeDaemon();
    await using h = new Guestfs({ environment: {}, autosync: false, backend: `unix:${other.socket}` });
    other.kill('SIGSTOP');
    const launching = h.launch();
    const calls = [h.getUmask(), h.cat('/x'), h.upload(Buffer.from('x'), '/x'), h.shutdown()];
    for (const each of calls) {
      each.cancel('no');
      expect((await rejection(each)).code).toBe('ERR_GUESTFS_CANCELLED');
    }
    other.kill('SIGCONT');
    await launching;
    expect(await h.getUmask()).toBeGreaterThanOrEqual(0);
  });

  it('of what runs in the daemon rejects at once, and its answer is dropped', async () => {
    const running: (() => Operation<unknown>)[] = [
      () => g.lstatns(at('file')),
      () => g.stat(at('file')),
      () => g.cat(at('file')),
      () => g.find(daemon.folder),
      () => g.readdir(daemon.folder),
      () => g.lstatnslist(daemon.folder, ['file', 'none']),
      () => g.lxattrlist(daemon.folder, ['file']),
      () => g.featureAvailable(['xfs']),
      () => g.copyOut(at('file'), daemon.folder),
      () => g.download(at('file'), at('copy')),
      () => g.checksum('md5', at('file')),
    ];
    for (const start of running) {
      daemon.kill('SIGSTOP');
      const operation = start();
      const after = g.cat(at('file'));
      await delay(20);
      operation.cancel('too slow');
      expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'too slow' });
      daemon.kill('SIGCONT');
      expect(await after).toBe('content');
    }
    await expect(stat(at('copy'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readFile(at('file'), 'utf8')).toBe('content');
  }, 60_000);

  it('ends sources and targets also where the call is never sent', async () => {
    const pipe = makePipe('pipe2');
    const first = g.upload(pipe, at('never'));
    const [source, early] = [new PassThrough(), new PassThrough()];
    const [target, soon] = [new PassThrough(), new PassThrough()];
    const calls = [
      g.upload(source, at('never')),
      g.download(at('file'), target),
      g.upload(early, at('never'), { signal: AbortSignal.abort() }),
      g.download(at('file'), soon, { signal: AbortSignal.abort() }),
    ];
    for (const each of calls) {
      each.cancel();
      expect((await rejection(each)).code).toBe('ERR_GUESTFS_CANCELLED');
    }
    expect([source, early, target, soon].map(({ destroyed }) => destroyed)).toEqual([true, true, true, true]);
    first.cancel();
    await rejection(first);
    await release(pipe);
    await stillWorks();
  });

  it('does not wait for a target that takes nothing more', async () => {
    const stuck = new Writable({ write: (_chunk, _encoding, done) => done(), final: () => undefined });
    const operation = g.download(at('file'), stuck);
    await delay(100);
    operation.cancel('no end');
    expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'no end' });
    expect(stuck.destroyed).toBe(true);
    await stillWorks();
  });

  it.each<[string, () => FileTarget]>([
    ['a web stream that hangs', () => new WritableStream({ write: () => new Promise<never>(() => undefined) })],
    ['a web stream that does not end', () => new WritableStream({ close: () => new Promise<never>(() => undefined) })],
    ['a pipe without a reader', () => makePipe('unread')],
  ])('does not wait for %s', async (_, target) => {
    const to = target();
    const operation = g.download(at('file'), to);
    await delay(50);
    operation.cancel('no end');
    expect(await rejection(operation)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'no end' });
    if (typeof to === 'string') await release(to);
    await stillWorks();
  });

  it('ends a web stream that is a source, whatever it does at that moment', async () => {
    const causes: unknown[] = [];
    const make = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          controller.enqueue(Buffer.from('x'));
          return new Promise<never>(() => undefined);
        },
        cancel: (cause) => void causes.push(cause),
      });
    await rejection(g.upload(make(), at('never'), { signal: AbortSignal.abort() }));
    expect(causes).toHaveLength(1);
    const running = g.upload(make(), at('partly'));
    await delay(50);
    running.cancel();
    await rejection(running);
    expect(causes).toHaveLength(2);
    expect((await rejection(g.upload(make(), daemon.folder))).code).toBe('EISDIR');
    expect(causes).toHaveLength(3);
    const locked = make();
    locked.getReader();
    expect((await rejection(g.upload(locked, at('never')))).message).toMatch(
      /argument `filename` is a stream that is read/,
    );
    await stillWorks();
  });

  it('of a shutdown rejects at once, and the shutdown goes on', async () => {
    await using other = await startNativeDaemon();
    await using h = new Guestfs({ environment: {}, backend: `unix:${other.socket}` });
    await h.launch();
    other.kill('SIGSTOP');
    const ending = h.shutdown();
    ending.cancel('no time');
    expect(await rejection(ending)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'no time' });
    const after = h.getUmask();
    after.catch(() => undefined);
    other.kill('SIGCONT');
    expect((await rejection(after)).code).toBe('ERR_GUESTFS_STATE');
    expect(h.isConfig()).toBe(true);
  });

  it('of 10 000 calls of many functions, at random, settles every one and keeps the handle in step', async () => {
    const random = seeded(2_026);
    const names = Array.from({ length: 10 }, (_, i) => `n${i}`);
    for (const [i, name] of names.entries()) await writeFile(at(name), 'x'.repeat(i));
    await symlink('n3', at('link'));
    const large = Buffer.alloc(70_000, 'large');
    await writeFile(at('large'), large);

    /** Makes a call, and the check of its result. */
    const start = (i: number): [Operation<unknown>, (value: unknown) => void] => {
      const n = i % 10;
      const kinds: (() => [Operation<unknown>, (value: unknown) => void])[] = [
        () => [g.lstatns(at(`n${n}`)), (value) => expect(value).toMatchObject({ stSize: BigInt(n) })],
        () => [g.lstatns(at(`n${n}`)), (value) => expect(value).toMatchObject({ stSize: BigInt(n) })],
        () => [g.stat(at(`n${n}`)), (value) => expect(value).toMatchObject({ size: BigInt(n) })],
        () => [g.cat(at(`n${n}`)), (value) => expect(value).toBe('x'.repeat(n))],
        () => [g.readlinklist(daemon.folder, ['link', `n${n}`]), (value) => expect(value).toEqual(['n3', ''])],
        () => [
          g.lstatnslist(daemon.folder, names),
          (value) => expect((value as { stSize: bigint }[]).map(({ stSize }) => Number(stSize))[n]).toBe(n),
        ],
        () => [g.write(at('written'), `${i}`), (value) => expect(value).toBeUndefined()],
        () => [g.upload(large, at('sent')), (value) => expect(value).toBeUndefined()],
        () => [g.upload(Readable.from([large, large]), at('sent')), (value) => expect(value).toBeUndefined()],
        () => {
          let size = 0;
          const sink = new Writable({
            write(chunk: Buffer, _encoding, done) {
              size += chunk.length;
              setImmediate(done);
            },
          });
          return [g.download(at('large'), sink), () => expect(size).toBe(large.length)];
        },
        () => [g.download(at('large'), at(`copy${n}`)), (value) => expect(value).toBeUndefined()],
      ];
      return kinds[Math.floor(random() * kinds.length)]!();
    };

    const outcomes = { done: 0, cancelled: 0 };
    let batch: Promise<void>[] = [];
    for (let i = 0; i < 10_000; i++) {
      const [operation, check] = start(i);
      const when = random();
      if (when < 0.1) operation.cancel('at once');
      else if (when < 0.2) setImmediate(() => operation.cancel('soon'));
      else if (when < 0.35) setTimeout(() => operation.cancel('later'), random() * 60);
      batch.push(
        operation.then(
          (value) => {
            check(value);
            outcomes.done++;
          },
          (error: unknown) => {
            expect(error).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
            outcomes.cancelled++;
          },
        ),
      );
      if (batch.length < 500) continue;
      await Promise.all(batch);
      batch = [];
      await stillWorks();
    }
    expect(outcomes.done + outcomes.cancelled).toBe(10_000);
    expect(outcomes.cancelled).toBeGreaterThan(1500);
    expect(outcomes.done).toBeGreaterThan(6000);
    const open = execFileSync('sh', ['-c', `readlink /proc/${process.pid}/fd/* || true`], { encoding: 'utf8' });
    expect(open).not.toContain(at('copy'));
  }, 180_000);
});
