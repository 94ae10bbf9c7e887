import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { IterableFiller } from '../../../src/protocol/transfer/byte-filler.js';

const SIZE = 64;

async function* giving(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield piece;
}

/** Fills small buffers until the end; what each call gave. */
async function fillAll(source: AsyncIterable<unknown>, count = 4): Promise<Buffer[]> {
  const filler = new IterableFiller(source);
  const buffers = Array.from({ length: count }, () => Buffer.alloc(SIZE));
  const parts: Buffer[] = [];
  for (;;) {
    const length = await filler.fill(buffers);
    if (length === 0) break;
    parts.push(Buffer.concat(buffers).subarray(0, length));
  }
  await filler.close();
  return parts;
}

describe('IterableFiller', () => {
  test('keeps any bytes, however they are cut, and fills whole buffers but for the last', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300, size: 'max' }), { maxLength: 12 }), async (pieces) => {
        const parts = await fillAll(giving(pieces));
        expect(Buffer.concat(parts).equals(Buffer.concat(pieces))).toBe(true);
        expect(parts.slice(0, -1).every((part) => part.length % SIZE === 0)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test('gives what fills a buffer before it waits for more', async () => {
    let goOn!: () => void;
    const late = new Promise<void>((resolve) => (goOn = resolve));
    const filler = new IterableFiller(
      (async function* () {
        yield Buffer.alloc(SIZE + 10, 1);
        await late;
        yield Buffer.alloc(3, 2);
      })(),
    );
    const buffers = [Buffer.alloc(SIZE), Buffer.alloc(SIZE)];
    expect(await filler.fill(buffers)).toBe(SIZE);
    const rest = filler.fill(buffers);
    goOn();
    expect(await rest).toBe(13);
    expect(buffers[0]!.subarray(0, 13)).toEqual(Buffer.concat([Buffer.alloc(10, 1), Buffer.alloc(3, 2)]));
    expect(await filler.fill(buffers)).toBe(0);
  });

  test('close ends a source that has more, once, and not one that ended or failed', async () => {
    let ended = 0;
    const endless = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false, value: Buffer.alloc(SIZE) }),
        return: () => Promise.resolve({ done: true as const, value: void ended++ }),
      }),
    };
    const filler = new IterableFiller(endless);
    await filler.fill([Buffer.alloc(SIZE)]);
    await filler.close();
    expect(ended).toBe(1);

    const failing = new IterableFiller({
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new Error('no more')),
        return: () => Promise.resolve({ done: true as const, value: void ended++ }),
      }),
    });
    await expect(failing.fill([Buffer.alloc(SIZE)])).rejects.toThrow('no more');
    await failing.close();
    expect(ended).toBe(1);
  });

  test('refuses what is no bytes', async () => {
    const filler = new IterableFiller(giving(['text' as unknown as Uint8Array]));
    await expect(filler.fill([Buffer.alloc(SIZE)])).rejects.toThrow('must give Uint8Arrays');
  });
});
