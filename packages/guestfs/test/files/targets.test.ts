import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { WritableStream } from 'node:stream/web';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ByteFiller } from '@guestfs/core';
import { openSource, openStream } from '../../src/files/sources.js';
import { isFileTarget, openTarget } from '../../src/files/targets.js';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'guestfs-files-'))));
afterEach(() => rm(folder, { recursive: true }));

describe('a path as target', () => {
  test('is written, also with nothing', async () => {
    const target = openTarget('download', join(folder, 'a'));
    await target.write(Buffer.from('one'));
    await target.write(Buffer.from('two'));
    await target.finish();
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('onetwo');
    await openTarget('download', new URL(`file://${folder}/b`)).finish();
    expect((await stat(join(folder, 'b'))).size).toBe(0);
  });

  test('is removed after a failure when it was made, and kept when it was there', async () => {
    await writeFile(join(folder, 'old'), 'what was there');
    for (const name of ['new', 'old']) {
      const target = openTarget('download', join(folder, name));
      await target.write(Buffer.from('half'));
      await target.fail(new Error('lost'));
    }
    await expect(stat(join(folder, 'new'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect('half').toContain(await readFile(join(folder, 'old'), 'utf8'));
  });

  test('that cannot be written tells the host`s errno', async () => {
    const target = openTarget('download', join(folder, 'no', 'x'));
    const write = async (): Promise<void> => {
      await target.write(Buffer.from('x'));
      await target.finish();
    };
    await expect(write()).rejects.toMatchObject({ code: 'ENOENT', operation: 'download' });
    expect(target.failure?.code).toBe('ENOENT');
    expect(() => openTarget('download', 'a\0b')).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT' }));
    expect(() => openTarget('download', new URL('https://x/'))).toThrow(/no file: URL/);
  });
});

describe('a stream as target', () => {
  test('slows the writer down and is ended', async () => {
    const stream = new PassThrough({ highWaterMark: 4 });
    const before = [stream.listenerCount('error'), stream.listenerCount('close')];
    const parts: Buffer[] = [];
    const target = openTarget('download', stream);
    const waiting = target.write(Buffer.from('12345678'));
    expect(waiting).toBeInstanceOf(Promise);
    stream.on('data', (part: Buffer) => parts.push(part));
    await waiting;
    await target.finish();
    expect(Buffer.concat(parts).toString()).toBe('12345678');
    expect([stream.listenerCount('error'), stream.listenerCount('close')]).toEqual(before);
  });

  test('that fails or is closed early ends the download', async () => {
    const failing = new Writable({ write: (_chunk, _encoding, done) => done(new Error('full')) });
    const target = openTarget('download', failing);
    await Promise.resolve(target.write(Buffer.alloc(100_000))).catch(() => undefined);
    await expect(target.finish()).rejects.toThrow(/full/);

    const closed = new PassThrough();
    const waiting = openTarget('download', closed);
    const write = Promise.resolve(waiting.write(Buffer.alloc(100_000)));
    closed.destroy();
    await expect(write).rejects.toThrow(/closed before the end/);
    closed.on('error', () => undefined);
    expect(() => openTarget('download', closed).write(Buffer.from('x'))).toThrow(/closed already/);
  });

  test('of the web is written and closed, or aborted', async () => {
    const seen: string[] = [];
    const make = (): WritableStream<Uint8Array> =>
      new WritableStream({
        write: (chunk) => void seen.push(Buffer.from(chunk).toString()),
        close: () => void seen.push('closed'),
        abort: () => void seen.push('aborted'),
      });
    const target = openTarget('download', make());
    await target.write(Buffer.from('x'));
    await target.finish();
    await openTarget('download', make()).fail(new Error('lost'));
    expect(seen).toEqual(['x', 'closed', 'aborted']);
  });

  test('is told from options', () => {
    expect([{ signal: undefined }, undefined, null, 5, []].map(isFileTarget)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(['/x', new URL('file:///x'), new PassThrough(), new WritableStream()].every(isFileTarget)).toBe(true);
  });
});

async function collect(bytes: AsyncIterable<Uint8Array> | ByteFiller): Promise<string> {
  const parts: Uint8Array[] = [];
  if ('fill' in bytes) {
    const buffer = Buffer.alloc(3);
    for (let length; (length = await bytes.fill([buffer])) > 0;) parts.push(Buffer.from(buffer.subarray(0, length)));
    await bytes.close();
  } else {
    for await (const part of bytes) parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

describe('a source', () => {
  test('gives its bytes, and its size where that is known', async () => {
    await writeFile(join(folder, 'f'), 'file');
    const file = await openSource('upload', join(folder, 'f'));
    expect([file.size, await collect(file.bytes)]).toEqual([4, 'file']);
    const bytes = openStream('upload', new Uint8Array([104, 105]));
    expect([bytes?.size, await collect(bytes!.bytes)]).toEqual([2, 'hi']);
    const stream = openStream('upload', Readable.from(['a', Buffer.from('b')]));
    expect([stream?.size, await collect(stream!.bytes)]).toEqual([undefined, 'ab']);
  });

  test('that is a folder, is not there, or gives no bytes is refused', async () => {
    await expect(openSource('upload', folder)).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(openSource('upload', join(folder, 'no'))).rejects.toMatchObject({
      code: 'ENOENT',
      operation: 'upload',
    });
    const wrong = openStream('upload', Readable.from([5]) as never);
    await expect(collect(wrong!.bytes)).rejects.toMatchObject({ code: 'ERR_GUESTFS_TRANSFER' });
  });
});
