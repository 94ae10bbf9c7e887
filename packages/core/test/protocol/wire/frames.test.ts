import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FrameDecoder } from '../../../src/protocol/wire/frames.js';
import { CANCEL_WORD, chunk, END_CHUNK, frame, LAUNCH_WORD, progress, u32 } from '../../support/wire.js';

function decoder(): { decoder: FrameDecoder; seen: string[]; frames: [Buffer, number, number][] } {
  const seen: string[] = [];
  const frames: [Buffer, number, number][] = [];
  const made = new FrameDecoder({
    frame: (bytes, start, end) => {
      frames.push([bytes, start, end]);
      seen.push(`frame ${bytes.toString('hex', start, end)}`);
    },
    progress: (...numbers) => seen.push(`progress ${numbers.join(' ')}`),
    launched: () => seen.push('launched'),
    cancelled: () => seen.push('cancelled'),
  });
  return { decoder: made, seen, frames };
}

const STREAM = Buffer.concat([
  LAUNCH_WORD,
  frame(Buffer.from('abcdefgh')),
  progress(66, 7, 2n ** 40n, 2n ** 41n),
  CANCEL_WORD,
  frame(),
  chunk('hello'),
  END_CHUNK,
]);
const SEEN = [
  'launched',
  `frame ${Buffer.from('abcdefgh').toString('hex')}`,
  'progress 66 7 1099511627776 2199023255552',
  'cancelled',
  'frame ',
  `frame 0000000000000005${Buffer.from('hello').toString('hex')}000000`,
  'frame 0000000000000000',
];

describe('FrameDecoder', () => {
  test('cuts a stream that comes in one piece, without copying', () => {
    const { decoder: it, seen, frames } = decoder();
    it.push(STREAM);
    expect(seen).toEqual(SEEN);
    expect(it.atBoundary).toBe(true);
    for (const [bytes] of frames) expect(bytes).toBe(STREAM);
  });

  test('cuts a stream that comes byte by byte', () => {
    const { decoder: it, seen } = decoder();
    for (const byte of STREAM) it.push(Buffer.from([byte]));
    expect(seen).toEqual(SEEN);
  });

  test('cuts a stream however it is split', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: STREAM.length }), { maxLength: 12 }), (places) => {
        const { decoder: it, seen } = decoder();
        const cuts = [0, ...places.sort((a, b) => a - b), STREAM.length];
        for (let i = 1; i < cuts.length; i++) it.push(STREAM.subarray(cuts[i - 1], cuts[i]));
        expect(seen).toEqual(SEEN);
      }),
    );
  });

  test('takes a frame of exactly 4 MiB', () => {
    const { decoder: it, frames } = decoder();
    const big = frame(Buffer.alloc(4 * 1024 * 1024, 1));
    it.push(big.subarray(0, 1_000_000));
    expect(it.atBoundary).toBe(false);
    it.push(big.subarray(1_000_000));
    expect(frames).toHaveLength(1);
    expect(frames[0]![2] - frames[0]![1]).toBe(4 * 1024 * 1024);
  });

  test.each([0x400001, 0xffffffff, 0x2f2f2f2f * 2, 0xffffeeef, 0x48545450])('refuses 0x%s as a length', (word) => {
    const { decoder: it, seen } = decoder();
    it.push(Buffer.concat([LAUNCH_WORD, frame(u32(1))]));
    const push = (): void => it.push(Buffer.concat([u32(word), Buffer.alloc(100)]));
    const shown = word.toString(16).padStart(8, '0');
    expect(push).toThrow(
      expect.objectContaining({
        code: 'ERR_GUESTFS_PROTOCOL',
        message: expect.stringMatching(new RegExp(`0x${shown}.*4194304.*byte 12 of`)),
      }),
    );
    expect(seen).toHaveLength(2);
  });
});
