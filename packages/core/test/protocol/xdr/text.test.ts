import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeText, encodeEscaped } from '../../../src/protocol/xdr/text.js';
import { Reader } from '../../../src/protocol/xdr/reader.js';
import { Writer } from '../../../src/protocol/xdr/writer.js';

function decode(...bytes: number[]): string {
  return decodeText(Buffer.from(bytes), 0, bytes.length);
}

function roundTrip(bytes: Uint8Array): Buffer {
  const writer = new Writer();
  writer.begin(1 << 20);
  writer.string(decodeText(Buffer.from(bytes), 0, bytes.length));
  return new Reader(writer.take()).buffer();
}

describe('strings on the wire', () => {
  test.each<[string, number[], string]>([
    ['a lone byte', [0xff], '\udcff'],
    ['an overlong slash', [0xc0, 0xaf], '\udcc0\udcaf'],
    ['an overlong three-byte form', [0xe0, 0x80, 0xaf], '\udce0\udc80\udcaf'],
    ['a surrogate in UTF-8', [0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
    ['a number past Unicode', [0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
    ['a sequence cut off', [0x61, 0xe2, 0x82], 'a\udce2\udc82'],
    ['valid text around a bad byte', [0xc3, 0xa9, 0xe9, 0x41], 'é\udce9A'],
    ['a real U+FFFD', [0xef, 0xbf, 0xbd], '\ufffd'],
    ['a real U+FFFD beside a bad byte', [0xef, 0xbf, 0xbd, 0x80], '\ufffd\udc80'],
  ])('escape %s', (_, bytes, text) => {
    expect(decode(...bytes)).toBe(text);
    expect([...roundTrip(Uint8Array.from(bytes))]).toEqual(bytes);
  });

  test('any bytes without NUL survive the round trip', () => {
    const bytes = fc.uint8Array({ min: 1, maxLength: 200 });
    fc.assert(fc.property(bytes, (value) => expect(roundTrip(value)).toEqual(Buffer.from(value))));
  });

  test('long text with bad bytes anywhere survives the round trip', () => {
    const piece = Buffer.concat([Buffer.from('é€𝄞a'), Buffer.from([0xff])]);
    for (let shift = 0; shift < piece.length; shift++) {
      const bytes = Buffer.concat([Buffer.alloc(shift, 'x'), ...new Array<Buffer>(2000).fill(piece)]);
      expect(roundTrip(bytes).equals(bytes)).toBe(true);
    }
  });

  test('decode as Node does where the bytes are valid', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = Buffer.from(text);
        expect(decodeText(bytes, 0, bytes.length)).toBe(text);
      }),
    );
  });

  test('no byte stands for another lone surrogate', () => {
    expect(encodeEscaped('a\ud800')).toBeNull();
    expect(encodeEscaped('\udc7f')).toBeNull();
    expect(encodeEscaped('\udd00')).toBeNull();
    expect(encodeEscaped('😀\udc80')).toEqual(Buffer.from([0xf0, 0x9f, 0x98, 0x80, 0x80]));
  });
});
