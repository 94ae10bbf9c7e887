import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { ReadableStream, WritableStream } from 'node:stream/web';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DownloadOperation, FileSource, FileTarget, Guestfs, GuestfsError, Operation, Progress } from 'guestfs';
import { nativeDaemonMissing } from '../../support/native-daemon.js';
import { openNative, type NativeGuestfs } from '../../support/native-guestfs.js';

const MIB = 1024 * 1024;
const whenPossible = nativeDaemonMissing() === null ? describe : describe.skip;

whenPossible('files that move', () => {
  let native: NativeGuestfs;
  let g: Guestfs;
  const content = Buffer.alloc(1_234_567, 'some content. ');
  const at = (name: string): string => join(native.folder, name);

  beforeAll(async () => {
    native = await openNative();
    ({ g } = native);
    await writeFile(at('content'), content);
    await mkdir(at('tree'));
    for (let i = 0; i < 20; i++) await writeFile(at(`tree/${i}`), Buffer.alloc(MIB, `${i}`));
  });
  afterAll(async () => native[Symbol.asyncDispose]());

  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let from = 0; from < content.length; from += 100_000) yield content.subarray(from, from + 100_000);
  }
  const view = (): Uint8Array => new Uint8Array(content.buffer, content.byteOffset, content.length);

  it.each<[string, () => FileSource]>([
    ['a path', () => at('content')],
    ['a URL', () => pathToFileURL(at('content'))],
    ['a Buffer', () => content],
    ['a Uint8Array', view],
    ['a DataView', () => new DataView(content.buffer, content.byteOffset, content.length) as never],
    ['a Readable of bytes', () => createReadStream(at('content'))],
    ['a Readable of text', () => createReadStream(at('content'), 'utf8')],
    ['a ReadableStream', () => ReadableStream.from<Uint8Array>(pieces())],
    ['an async iterable', pieces],
    ['a download', () => g.download(at('content'))],
    ['the stream of a download', () => g.download(at('content')).readable()],
  ])('come from %s', async (name, source) => {
    if (name.endsWith('a download')) {
      // One handle has one line: a download and an upload of the same would wait for each other.
      await using other = await openNative();
      await other.g.upload(source(), at('sent'));
    } else await g.upload(source(), at('sent'));
    expect((await readFile(at('sent'))).equals(content)).toBe(true);
    await g.upload(Buffer.alloc(0), at('sent'));
    expect((await readFile(at('sent'))).length).toBe(0);
  });

  it.each<[string, () => { target: FileTarget; read: () => Promise<Buffer> }]>([
    ['a path', () => ({ target: at('got'), read: () => readFile(at('got')) })],
    ['a URL', () => ({ target: pathToFileURL(at('got2')), read: () => readFile(at('got2')) })],
    ['a Writable', () => ({ target: createWriteStream(at('got3')), read: () => readFile(at('got3')) })],
    [
      'a PassThrough',
      () => {
        const target = new PassThrough();
        const all = target.toArray();
        return { target, read: async () => Buffer.concat((await all) as Buffer[]) };
      },
    ],
    [
      'a WritableStream',
      () => {
        const parts: Uint8Array[] = [];
        const target = new WritableStream<Uint8Array>({ write: (chunk) => void parts.push(chunk) });
        return { target, read: () => Promise.resolve(Buffer.concat(parts)) };
      },
    ],
  ])('go to %s', async (_, make) => {
    const { target, read } = make();
    await g.download(at('content'), target);
    expect((await read()).equals(content)).toBe(true);
  });

  it('go nowhere, and the operation is the stream', async () => {
    const parts: Uint8Array[] = [];
    for await (const part of g.download(at('content'))) parts.push(part);
    for await (const part of g.download(at('content')).readable()) parts.push(part as Buffer);
    for await (const part of g.download(at('content')).stream()) parts.push(part);
    const leftOut = g.download(at('content'), undefined as never) as unknown as DownloadOperation<void>;
    for await (const part of leftOut) parts.push(part);
    expect(Buffer.concat(parts).equals(Buffer.concat([content, content, content, content]))).toBe(true);
    const operation = g.download(at('content'));
    const reader = operation.readable();
    expect(() => operation.readable()).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_STATE' }));
    reader.destroy();
    expect(await g.exists(at('content'))).toBe(true);
  });

  it('are refused where they are none, by the name of the argument', async () => {
    const wrong: [() => Operation<unknown>, RegExp][] = [
      [() => g.upload(5 as never, '/x'), /^upload: argument `filename` must be a path, a file: URL, bytes/],
      [() => g.tarIn({} as never, '/x'), /^tarIn: argument `tarfile` must be a path/],
      [() => g.download('/x', 5 as never), /^download: argument `filename` must be a path, a file: URL or a writable/],
      [() => g.download('/x', null as never), /^download: argument `filename` must be/],
      [() => g.download('/x', Readable.from([]) as never), /^download: argument `filename` must be/],
      [() => g.downloadOffset('/x', {} as never, 7, 14n), /^downloadOffset: argument `filename` must be/],
      [() => g.downloadOffset('/x', '/y', 7, 'x' as never), /^downloadOffset: argument `size` must be/],
      [() => g.tarOut('/x', { colour: 1 } as never), /^tarOut: option `colour` is no option/],
      [() => g.upload(new URL('https://x/y') as never, '/x'), /^upload\("\/x"\): https:\/\/x\/y is no file: URL/],
      [() => g.upload('a\0b', '/x'), /^upload\("\/x"\): the path of the host/],
    ];
    for (const [call, message] of wrong) {
      const error = await call().then(
        () => null,
        (reason: unknown) => reason as GuestfsError,
      );
      expect(error?.code).toBe('ERR_GUESTFS_ARGUMENT');
      expect(error?.message).toMatch(message);
    }
  });

  /** All that a call tells of its progress: by the callback, and by the events of the handle. */
  async function watch(start: (onProgress: (progress: Progress) => void) => Operation<unknown>): Promise<Progress[]> {
    const [told, events]: [Progress[], Progress[]] = [[], []];
    const listen = (event: Progress): void => void events.push(event);
    g.on('progress', listen);
    await start((progress) => told.push(progress));
    g.off('progress', listen);
    expect(events.map(({ position }) => position)).toEqual(told.map(({ position }) => position));
    return told;
  }

  it('are counted where the daemon tells nothing: tar, copies, and uploads of a stream', async () => {
    const tar = execFileSync('tar', ['-C', at('tree'), '-cf', '-', '.'], { maxBuffer: 64 * MIB });
    await writeFile(at('tree.tar'), tar);
    for (const name of ['in', 'in2', 'out']) await mkdir(at(name));
    const total = BigInt(tar.length);
    const all: [string, boolean, bigint | null, (onProgress: (progress: Progress) => void) => Operation<unknown>][] = [
      ['tarIn', true, total, (onProgress) => g.tarIn(at('tree.tar'), at('in'), { onProgress })],
      ['tarIn', false, total, (onProgress) => g.tarIn(Readable.from(tar), at('in'), { onProgress })],
      ['tarOut', false, null, (onProgress) => g.tarOut(at('tree'), at('out.tar'), { onProgress })],
      ['copyIn', true, null, (onProgress) => g.copyIn(at('tree'), at('in2'), { onProgress })],
      ['copyOut', false, null, (onProgress) => g.copyOut(at('tree'), at('out'), { onProgress })],
      ['upload', false, total, (onProgress) => g.upload(Readable.from(tar), at('piped'), { onProgress })],
    ];
    for (const [name, known, size, start] of all) {
      const progress = await watch(start);
      const last = progress.at(-1);
      expect([name, last?.operation, last?.fraction, last?.done]).toEqual([name, name, 1, true]);
      expect(last?.position).toBe(last?.total);
      expect(last?.position).toBeGreaterThan(20n * BigInt(MIB));
      if (size !== null) expect([name, last?.position]).toEqual([name, size]);
      const before = progress.slice(0, -1);
      expect(before.length).toBeGreaterThan(0);
      // Where nobody knows the end, the bytes are counted and there is no fraction.
      for (const each of before) expect([name, each.fraction !== null, each.pulse]).toEqual([name, known, !known]);
      for (const [i, { position }] of before.entries()) {
        expect(position).toBeGreaterThanOrEqual(progress[i - 1]?.position ?? 0n);
      }
    }
  });

  it('of a pipe of this host are taken as they come', async () => {
    execFileSync('mkfifo', [at('fifo')]);
    const sending = g.upload(at('fifo'), at('from-pipe'));
    const writer = await open(at('fifo'), 'w');
    await writer.write('one ');
    await writer.write('two');
    await writer.close();
    await sending;
    expect(await readFile(at('from-pipe'), 'utf8')).toBe('one two');
  });
});
