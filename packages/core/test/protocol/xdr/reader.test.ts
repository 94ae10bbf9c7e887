import { describe, expect, test } from '@jest/globals';
import { Reader } from '../../../src/protocol/xdr/reader.js';
import { f32, i32, opaque, strings, u32, u64 } from '../../support/wire.js';

function reading(...parts: Uint8Array[]): Reader {
  return new Reader(Buffer.concat(parts));
}

describe('Reader', () => {
  test('reads every item from bytes built by hand', () => {
    const reader = reading(
      u32(0xfffffffe),
      i32(-2),
      u64(2n ** 64n - 1n),
      u64(-5n),
      f32(12.5),
      u32(1),
      u32(0),
      opaque('naïve'),
      opaque(''),
      opaque(Uint8Array.of(0, 255)),
      Buffer.from('abc\0'),
      strings(['x', 'yz']),
    );
    expect(reader.uint32()).toBe(0xfffffffe);
    expect(reader.int32()).toBe(-2);
    expect(reader.uint64()).toBe(2n ** 64n - 1n);
    expect(reader.int64()).toBe(-5n);
    expect(reader.float32()).toBe(12.5);
    expect(reader.bool()).toBe(true);
    expect(reader.bool()).toBe(false);
    expect(reader.string()).toBe('naïve');
    expect(reader.string()).toBe('');
    expect([...reader.buffer()]).toEqual([0, 255]);
    expect(reader.fixedText(4)).toBe('abc');
    expect(reader.strings()).toEqual(['x', 'yz']);
    expect(() => reader.finish()).not.toThrow();
  });

  test('reads at an offset of a buffer that is itself a slice', () => {
    const slice = Buffer.concat([Buffer.alloc(7, 9), u32(5), u64(6n), Buffer.alloc(3)]).subarray(7);
    const reader = new Reader(slice, 0, 12);
    expect(reader.uint32()).toBe(5);
    expect(reader.int64()).toBe(6n);
    reader.finish();
    reader.reset(slice, 4, 12, false);
    expect(reader.uint64()).toBe(6n);
  });

  const wrong: [string, Uint8Array[], (reader: Reader) => unknown, string][] = [
    ['a number cut off', [Buffer.alloc(3)], (r) => r.uint32(), '4 bytes wanted, 3 left (at byte 0, field f)'],
    ['a wide number cut off', [u32(0)], (r) => r.int64(), '8 bytes wanted, 4 left (at byte 0, field f)'],
    ['a bool of 2', [u32(2)], (r) => r.bool(), '2 where 0 or 1 must be (at byte 0, field f)'],
    [
      'a length past the end',
      [u32(9), u32(0)],
      (r) => r.string(),
      'length of 9 with 4 bytes left (at byte 0, field f)',
    ],
    ['a length of 4 GiB', [u32(0xffffffff)], (r) => r.buffer(), 'length of 4294967295 with 0 bytes left (at byte 0'],
    ['a length over its limit', [opaque('12345')], (r) => r.string(4), '5 where at most 4 is allowed (at byte 0'],
    ['padding cut off', [u32(1), Buffer.from('x')], (r) => r.string(), '1 bytes wanted, 0 left (at byte 5, field f)'],
    ['padding not zero', [u32(1), Buffer.from('x\0\x01\0')], (r) => r.string(), 'not zero (at byte 6, field f)'],
    ['a count past the end', [u32(1000), u32(0)], (r) => r.strings(), 'count of 1000 with 4 bytes left (at byte 0'],
    ['bytes left over', [u32(1)], (r) => r.finish(), '4 bytes too many at the end (at byte 0)'],
  ];
  test.each(wrong)('refuses %s and names the place', (_, parts, read, message) => {
    const reader = reading(...parts);
    reader.at('f');
    let caught: unknown;
    try {
      read(reader);
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ code: 'ERR_GUESTFS_PROTOCOL', message: expect.stringContaining(message) });
  });

  test('names the item of a list', () => {
    const reader = reading(u32(2), opaque('ok'), u32(77));
    reader.at('result');
    expect(() => reader.strings()).toThrow('(at byte 12, field result[1])');
  });

  test('does not keep a receive buffer for a small slice', () => {
    const received = Buffer.alloc(64 * 1024);
    opaque('abc').copy(received);
    const bytes = new Reader(received, 0, 8).buffer();
    expect(bytes.buffer).not.toBe(received.buffer);
    expect(bytes.toString()).toBe('abc');
  });
});
