import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Decoder } from '@msgpack/msgpack';
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { createEvent, GUESTFS_EVENT, GuestfsEmitter, readEvents, recordEvents } from '../src/index.js';
import type { GuestfsEvent } from '../src/index.js';
import { collect, emitterWithFallback, oneOfEach, plain, progress, until } from './helpers.js';

const damaged = { code: 'ERR_GUESTFS_RECORDING', name: 'GuestfsError' };

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-events-'));
  path = join(folder, 'events.bin');
});
afterEach(() => rm(folder, { recursive: true }));

async function record(events: GuestfsEvent[], options = {}): Promise<void> {
  const emitter = new GuestfsEmitter();
  const recording = recordEvents(emitter, path, options);
  for (const event of events) emitter.dispatch(event);
  await recording.stop();
  expect(recording.events).toBe(events.length);
}

/** A frame by hand: bin 8, then a body of fewer than 256 bytes. */
const frame = (...body: number[]): Buffer => Buffer.from([0xc4, body.length, ...body]);
const text = (value: string): number[] => [0xa0 | value.length, ...Buffer.from(value)];
const header = (version: number): Buffer => frame(0x94, 0, ...text('guestfs-events'), version, 0);

describe('a recording', () => {
  test('gives back the same sequence of events, to the last bit', async () => {
    await record(oneOfEach());
    for (const input of [path, pathToFileURL(path), await readFile(path)]) {
      const reader = readEvents(input);
      expect((await collect(reader)).map(plain)).toEqual(oneOfEach().map(plain));
      expect(reader).toMatchObject({ truncated: false, complete: true, dropped: 0, sessions: 1 });
    }
  });

  test('can be read from a stream in chunks of one byte', async () => {
    await record(oneOfEach());
    const bytes = await readFile(path);
    const single = Readable.from([...bytes].map((byte) => Buffer.from([byte])));
    expect((await collect(readEvents(single))).map(plain)).toEqual(oneOfEach().map(plain));
  });

  test('is a stream of MessagePack values', async () => {
    await record([createEvent.trace('x', 5)]);
    const outer = [...new Decoder().decodeMulti(await readFile(path))] as Uint8Array[];
    const inner = outer.map((bytes) => new Decoder().decode(bytes));
    expect(inner).toEqual([[0, 'guestfs-events', 1, expect.any(Number)], [1, 0x40, 5, new Uint8Array([0x78])], [3]]);
  });

  test('is compact: a progress event takes less than 60 bytes', async () => {
    await record([createEvent.progress(progress(2n ** 40n, 2n ** 41n))]);
    expect((await stat(path)).size).toBeLessThan(32 + 60);
  });

  test.each([1, 2, 50, 0x101, 0x10001])('of a message of %i bytes is exact', async (length) => {
    const bytes = Buffer.alloc(length, 0xc4);
    await record([createEvent.appliance(bytes)]);
    const [event] = await collect(readEvents(path));
    expect(Buffer.compare(event!.buffer, bytes)).toBe(0);
  });

  test('takes the classes asked for', async () => {
    const emitter = new GuestfsEmitter();
    await using recording = recordEvents(emitter, path, { mask: GUESTFS_EVENT.TRACE });
    for (const event of oneOfEach()) emitter.dispatch(event);
    await recording.stop();
    expect((await collect(readEvents(path))).map((e) => e.type)).toEqual(['trace']);
  });

  test('ends by itself with the close event', async () => {
    const emitter = new GuestfsEmitter();
    const recording = recordEvents(emitter, path);
    emitter.dispatch(createEvent.close());
    expect(emitter.listenerCount('close')).toBe(0);
    await recording.stop();
    const reader = readEvents(path);
    expect((await collect(reader)).map((e) => e.type)).toEqual(['close']);
    expect(reader.complete).toBe(true);
  });

  test('goes to a stream of the caller, which stays open', async () => {
    const stream = new PassThrough();
    const emitter = new GuestfsEmitter();
    const recording = recordEvents(emitter, stream);
    emitter.dispatch(createEvent.trace('x'));
    await recording.stop();
    expect(stream.writableEnded).toBe(false);
    expect(stream.listenerCount('error')).toBe(0);
    stream.end();
    expect((await collect(readEvents(stream))).map((e) => e.text)).toEqual(['x']);
  });
});

describe('after a crash of the writer', () => {
  test('every whole event is read, wherever the tail is cut', async () => {
    await record(oneOfEach());
    const bytes = await readFile(path);
    let seen = 0;
    for (let length = 0; length < bytes.length; length++) {
      const reader = readEvents(bytes.subarray(0, length));
      const events = await collect(reader);
      expect(events.map(plain)).toEqual(oneOfEach().slice(0, events.length).map(plain));
      expect(events.length).toBeGreaterThanOrEqual(seen);
      expect(reader.complete).toBe(false);
      expect(reader.truncated).toBe(reader.truncatedBytes > 0);
      seen = events.length;
    }
    expect(seen).toBe(oneOfEach().length);
  });

  test('appending goes on after the last whole record', async () => {
    await record([createEvent.trace('one', 1), createEvent.trace('two', 2)]);
    await truncate(path, (await stat(path)).size - 5);
    const cut = readEvents(path);
    expect(await collect(cut)).toHaveLength(1);
    expect(cut.truncated).toBe(true);
    await record([createEvent.trace('three', 3)]);
    const reader = readEvents(path);
    expect((await collect(reader)).map((e) => e.text)).toEqual(['one', 'three']);
    expect(reader).toMatchObject({ sessions: 2, truncated: false, complete: true });
  });

  test('append: false starts over', async () => {
    await record([createEvent.trace('one')]);
    await record([createEvent.trace('two')], { append: false });
    expect((await collect(readEvents(path))).map((e) => e.text)).toEqual(['two']);
  });
});

describe('bad input', () => {
  test.each([
    ['text', Buffer.from('hello, this is a log\n'), /at byte 0: there is no record/],
    ['no header', frame(0x91, 3), /at byte 0: there is no header/],
    ['another header', frame(0x94, 0, ...text('something'), 1, 0), /something else/],
    ['a length beyond the limit', Buffer.from([0xc6, 0xff, 0xff, 0xff, 0xff, 0]), /claims 4294967295 bytes/],
    ['an array beyond its record', Buffer.concat([header(1), frame(0xdd, 0xff, 0xff, 0xff, 0xff)]), /at byte 21/],
    ['an empty record', Buffer.concat([header(1), frame()]), /at byte 21/],
    ['an unknown class', Buffer.concat([header(1), frame(0x93, 1, 0xcd, 4, 0, 0)]), /unknown class/],
    ['an unknown kind', Buffer.concat([header(1), frame(0x91, 9)]), /unknown kind/],
    ['no array', Buffer.concat([header(1), frame(7)]), /not an array/],
    ['bytes after the record', Buffer.concat([header(1), frame(0x91, 3, 3)]), /at byte 21/],
    ['progress without numbers', Buffer.concat([header(1), frame(0x93, 1, 8, 0)]), /four numbers/],
    ['an extension type', Buffer.concat([header(1), frame(0x92, 2, 0xd4, 1, 1)]), /at byte 21/],
  ])('%s is refused', async (_what, bytes, message) => {
    await expect(collect(readEvents(bytes))).rejects.toMatchObject({
      ...damaged,
      message: expect.stringMatching(message),
    });
  });

  test('another version is refused, with what to do', async () => {
    await expect(collect(readEvents(header(2)))).rejects.toMatchObject({ ...damaged, hint: expect.any(String) });
  });

  test('a file that is no recording is refused and left as it was', async () => {
    await writeFile(path, 'precious');
    const emitter = new GuestfsEmitter();
    const recording = recordEvents(emitter, path);
    await expect(recording.stop()).rejects.toMatchObject(damaged);
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  test('a recording of another version is not appended to', async () => {
    await writeFile(path, header(9));
    await expect(recordEvents(new GuestfsEmitter(), path).stop()).rejects.toMatchObject(damaged);
    expect(await readFile(path)).toEqual(header(9));
  });

  test('a missing file and a stream of text are refused', async () => {
    await expect(collect(readEvents(join(folder, 'none')))).rejects.toMatchObject({
      ...damaged,
      cause: { code: 'ENOENT' },
    });
    const strings = Readable.from(['text']) as AsyncIterable<never>;
    await expect(collect(readEvents(strings))).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
  });

  test('a second reader of one iterator throws', async () => {
    const reader = readEvents(header(1));
    await collect(reader);
    expect(() => reader[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_STATE' }));
  });
});

test('what cannot be written to is refused, and nobody listens', () => {
  const emitter = new GuestfsEmitter();
  for (const target of [7, {}, undefined]) {
    expect(() => recordEvents(emitter, target as never)).toThrow(
      expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT' }),
    );
  }
  expect(emitter.listenerCount('close')).toBe(0);
});

describe('when writing fails', () => {
  test('the handle is warned, the recorder is gone and stop() rejects', async () => {
    const { emitter, unheard } = emitterWithFallback();
    const recording = recordEvents(emitter, join(folder, 'none', 'events.bin'), { mask: GUESTFS_EVENT.TRACE });
    await until(() => recording.error !== undefined);
    emitter.dispatch(createEvent.trace('lost'));
    expect(unheard.map((e) => e.text)).toEqual([expect.stringMatching(/events cannot be recorded: ENOENT/)]);
    expect(emitter.listenerCount('trace')).toBe(0);
    await expect(recording.stop()).rejects.toMatchObject({ ...damaged, cause: { code: 'ENOENT' } });
  });

  test('a stream that fails does not take the process with it', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, callback) => callback(new Error('EIO')) });
    const recording = recordEvents(new GuestfsEmitter(), stream);
    await until(() => stream.destroyed);
    await expect(recording.stop()).rejects.toMatchObject(damaged);
  });

  test('a stream that stalls costs bounded memory, and the recording says what is missing', async () => {
    const chunks: Buffer[] = [];
    let release = (): void => undefined;
    const stalled = new Promise<void>((resolve) => (release = resolve));
    const stream = new Writable({
      write(chunk: Buffer, _encoding, callback) {
        chunks.push(chunk);
        void stalled.then(() => callback());
      },
    });
    const emitter = new GuestfsEmitter();
    const recording = recordEvents(emitter, stream, { maxQueuedBytes: 1000 });
    for (let i = 0; i < 100; i++) emitter.dispatch(createEvent.appliance(Buffer.alloc(100)));
    expect(stream.writableLength).toBeLessThan(1200);
    expect(recording.dropped).toBe(100 - recording.events);
    release();
    await recording.stop();
    const reader = readEvents(Buffer.concat(chunks));
    expect(await collect(reader)).toHaveLength(recording.events);
    expect(reader.dropped).toBe(recording.dropped);
  });
});
