import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  cancelChunk,
  cancelWord,
  CHUNK_CANCELLED,
  CHUNK_END,
  ChunkBlock,
  endChunk,
  readChunk,
} from '../../../src/protocol/wire/chunks.js';
import { CANCEL_CHUNK, CANCEL_WORD, chunk, END_CHUNK, i32, opaque, u32 } from '../../support/wire.js';

/** Cuts chunk frames by hand and returns the data of each. */
function unpack(bytes: Buffer): Buffer[] {
  const data: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const size = bytes.readUInt32BE(at + 8);
    expect(bytes.readUInt32BE(at + 4)).toBe(0);
    expect(length).toBe(8 + size + ((4 - (size % 4)) % 4));
    expect(bytes.subarray(at + 12 + size, at + 4 + length).every((byte) => byte === 0)).toBe(true);
    data.push(bytes.subarray(at + 12, at + 12 + size));
    at += 4 + length;
  }
  return data;
}

/** Fills a block with bytes, as a source does, and returns its frames. */
function framesOf(block: ChunkBlock, data: Buffer): Buffer {
  let at = 0;
  for (const slot of block.slots) at += data.copy(slot, 0, at);
  expect(at).toBe(data.length);
  return Buffer.from(block.frames(data.length));
}

describe('ChunkBlock', () => {
  test('makes the bytes of a chunk', () => {
    expect(framesOf(new ChunkBlock(), Buffer.from('hello'))).toEqual(chunk('hello'));
  });

  test('puts several chunks of 8 KiB into one buffer', () => {
    const data = Buffer.from(Array.from({ length: 20_000 }, (_, i) => i & 0xff));
    const parts = unpack(framesOf(new ChunkBlock(), data));
    expect(parts.map((part) => part.length)).toEqual([8192, 8192, 3616]);
    expect(Buffer.concat(parts).equals(data)).toBe(true);
  });

  test('is the same after any use', () => {
    const block = new ChunkBlock();
    const room = block.slots.length * 8192;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: room }), fc.nat(255), (length, byte) => {
        const parts = unpack(framesOf(block, Buffer.alloc(length, byte)));
        expect(Buffer.concat(parts).equals(Buffer.alloc(length, byte))).toBe(true);
        expect(parts.slice(0, -1).every((part) => part.length === 8192)).toBe(true);
      }),
      { numRuns: 100 },
    );
    expect(unpack(framesOf(block, Buffer.alloc(room, 1))).length).toBe(block.slots.length);
  });
});

describe('the frames around chunks', () => {
  test('have their bytes', () => {
    expect(endChunk()).toEqual(END_CHUNK);
    expect(cancelChunk()).toEqual(CANCEL_CHUNK);
    expect(cancelWord()).toEqual(CANCEL_WORD);
  });
});

describe('readChunk', () => {
  const read = (frameBytes: Buffer): number => readChunk(frameBytes, 4, frameBytes.length);

  test('tells data, end and cancel apart', () => {
    expect(read(chunk('hello'))).toBe(5);
    expect(read(chunk(Buffer.alloc(8192)))).toBe(8192);
    expect(read(END_CHUNK)).toBe(CHUNK_END);
    expect(read(CANCEL_CHUNK)).toBe(CHUNK_CANCELLED);
  });

  test.each<[string, Buffer, string]>([
    [
      'a cancel of 2',
      Buffer.concat([u32(8), i32(2), u32(0)]),
      '2 where 0 or 1 must be (at byte 0, field chunk.cancel)',
    ],
    ['8193 bytes', chunk(Buffer.alloc(8193)), 'a length of 8193, at most 8192 is allowed (at byte 4'],
    ['half a chunk', Buffer.concat([u32(4), u32(0)]), 'a chunk of 4 bytes'],
    ['a length past the end', Buffer.concat([u32(8), u32(0), u32(4)]), 'a length of 4 in a chunk of 8 bytes'],
    [
      'bytes left over',
      Buffer.concat([u32(16), u32(0), opaque('abcd'), u32(0)]),
      'a length of 4 in a chunk of 16 bytes',
    ],
    [
      'padding not zero',
      Buffer.concat([u32(12), u32(0), u32(3), Buffer.from('abcd')]),
      'padding that is not zero (at byte 11',
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(message);
    expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_PROTOCOL' }));
  });
});
