import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  cancelChunk,
  cancelWord,
  CHUNK_CANCELLED,
  CHUNK_END,
  ChunkPacker,
  endChunk,
  readChunk,
} from '../../src/protocol/chunks.js';
import { CANCEL_CHUNK, CANCEL_WORD, chunk, END_CHUNK, i32, opaque, u32 } from '../support/wire.js';

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

function packAll(pieces: readonly Uint8Array[]): Buffer {
  const packer = new ChunkPacker();
  const out: Buffer[] = [];
  for (const piece of pieces) {
    const data = Buffer.from(piece);
    for (let at = 0; at < data.length;) {
      at = packer.pack(data, at);
      if (packer.full) out.push(packer.take()!);
    }
  }
  const rest = packer.take();
  return Buffer.concat(rest === null ? out : [...out, rest]);
}

describe('ChunkPacker', () => {
  test('makes the bytes of a chunk', () => {
    expect(packAll([Buffer.from('hello')])).toEqual(chunk('hello'));
  });

  test('makes nothing of nothing', () => {
    const packer = new ChunkPacker();
    expect(packer.take()).toBeNull();
    expect(packer.pack(Buffer.alloc(0), 0)).toBe(0);
    expect(packer.take()).toBeNull();
    expect(packer.full).toBe(false);
  });

  test('puts several chunks of 8 KiB into one buffer, small pieces together', () => {
    const data = Buffer.from(Array.from({ length: 20_000 }, (_, i) => i & 0xff));
    const pieces = Array.from({ length: 200 }, (_, i) => data.subarray(i * 100, i * 100 + 100));
    const sizes = unpack(packAll(pieces)).map((part) => part.length);
    expect(sizes).toEqual([8192, 8192, 3616]);
  });

  test('keeps any data, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40_000, size: 'max' }), { maxLength: 12 }), (pieces) => {
        const data = unpack(packAll(pieces));
        expect(Buffer.concat(data).equals(Buffer.concat(pieces))).toBe(true);
        expect(data.slice(0, -1).every((part) => part.length === 8192)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('pads with zeros, also where a block held data before', () => {
    const packer = new ChunkPacker();
    for (let round = 0; round < 3; round++) {
      packer.pack(Buffer.alloc(5, 255), 0);
      expect(packer.take()).toEqual(chunk(Buffer.alloc(5, 255)));
    }
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
