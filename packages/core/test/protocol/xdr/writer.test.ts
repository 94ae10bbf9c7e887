import { describe, expect, test } from '@jest/globals';
import { Writer } from '../../../src/protocol/xdr/writer.js';
import { i32, opaque, strings, u32, u64 } from '../../support/wire.js';

function written(write: (writer: Writer) => void, limit = 4096): Buffer {
  const writer = new Writer();
  writer.begin(limit);
  writer.path = 'thing';
  write(writer);
  return writer.take();
}

describe('Writer', () => {
  test.each<[string, (writer: Writer) => void, Buffer]>([
    ['uint32', (w) => w.uint32(0xdeadbeef), u32(0xdeadbeef)],
    ['uint64', (w) => w.uint64(2n ** 63n), u64(2n ** 63n)],
    ['bool', (w) => w.bool(true), u32(1)],
    ['int32', (w) => w.int32(-7), i32(-7)],
    ['int64 of a bigint', (w) => w.int64(-7n), u64(-7n)],
    ['int64 of a number', (w) => w.int64(2 ** 40), u64(2n ** 40n)],
    ['an empty string', (w) => w.string(''), u32(0)],
    ['a short string', (w) => w.string('/dev/sda'), opaque('/dev/sda')],
    ['a string that is not ASCII', (w) => w.string('Grüße'), opaque('Grüße')],
    ['a long string', (w) => w.string('x'.repeat(301)), opaque('x'.repeat(301))],
    ['a string with an escaped byte', (w) => w.string('a\udcff'), opaque(Uint8Array.of(0x61, 0xff))],
    ['a buffer', (w) => w.buffer(Uint8Array.of(0, 1, 2, 3, 4)), opaque(Uint8Array.of(0, 1, 2, 3, 4))],
    ['a buffer from a string', (w) => w.buffer('a\0ü'), opaque('a\0ü')],
    ['a DataView', (w) => w.buffer(new DataView(new ArrayBuffer(2))), opaque(Uint8Array.of(0, 0))],
    ['strings', (w) => w.strings(['a', '', 'ü']), strings(['a', '', 'ü'])],
  ])('writes %s', (_, write, bytes) => {
    expect(written(write)).toEqual(bytes);
  });

  test.each<[string, (writer: Writer) => void, string]>([
    ['a number as a string', (w) => w.string(5), 'argument thing must be a string'],
    ['a NUL in a short string', (w) => w.string('a\0b'), 'argument thing must not hold a NUL'],
    ['a NUL in a long string', (w) => w.string('ü\0'.repeat(80)), 'argument thing must not hold a NUL'],
    ['a lone high surrogate', (w) => w.string('\ud800'), 'argument thing must not hold a lone surrogate'],
    ['a string as a bool', (w) => w.bool('true'), 'argument thing must be a boolean'],
    ['a fraction', (w) => w.int32(1.5), 'argument thing must be an integer'],
    ['NaN', (w) => w.int32(NaN), 'argument thing must be an integer'],
    ['2 to the 31', (w) => w.int32(2 ** 31), 'argument thing must be an integer'],
    ['an unsafe integer', (w) => w.int64(2 ** 53), 'argument thing must be a bigint'],
    ['a bigint of 65 bits', (w) => w.int64(2n ** 63n), 'argument thing must be a bigint'],
    ['null as a buffer', (w) => w.buffer(null), 'argument thing must be a Uint8Array'],
    ['an array of numbers as a buffer', (w) => w.buffer([1]), 'argument thing must be a Uint8Array'],
    ['a string as strings', (w) => w.strings('abc'), 'argument thing must be an array'],
    ['a hole in strings', (w) => w.strings(['a', undefined]), 'argument thing[1] must be a string'],
  ])('refuses %s', (_, write, message) => {
    expect(() => written(write)).toThrow(message);
    expect(() => written(write)).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT' }));
  });

  test.each<[string, (writer: Writer) => void]>([
    ['a string', (w) => w.string('x'.repeat(5_000_000))],
    ['a string that grows in UTF-8', (w) => w.string('€'.repeat(2_000_000))],
    ['bytes', (w) => w.buffer(new Uint8Array(5_000_000))],
    ['a list', (w) => w.strings(new Array(2_000_000).fill(''))],
    ['many strings', (w) => w.strings(new Array(100_000).fill('x'.repeat(50)))],
  ])('refuses %s over the limit and names both', (_, write) => {
    expect(() => written(write, 4_194_304)).toThrow(
      expect.objectContaining({
        code: 'ERR_GUESTFS_MESSAGE_TOO_LARGE',
        message: expect.stringMatching(/thing.* 4 MiB /),
      }),
    );
  });

  test('keeps what was taken when it goes on', () => {
    const writer = new Writer();
    const all: Buffer[] = [];
    for (let i = 0; i < 5000; i++) {
      writer.begin(100);
      writer.uint32(i);
      writer.string('x'.repeat(i % 50));
      if (i % 3 === 0) all.push(writer.take());
    }
    all.push(writer.take());
    const expected = Array.from({ length: 5000 }, (_, i) => [u32(i), opaque('x'.repeat(i % 50))]).flat();
    expect(Buffer.concat(all).equals(Buffer.concat(expected))).toBe(true);
  });

  test('forgets what is rewound, also over a block', () => {
    const writer = new Writer();
    writer.begin(100);
    writer.uint32(1);
    const place = writer.begin(1 << 20);
    writer.string('y'.repeat(200_000));
    writer.rewind(place);
    writer.uint32(2);
    writer.setUint32(0, 3);
    expect(writer.take()).toEqual(Buffer.concat([u32(3), u32(2)]));
  });
});
