import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import type { EraseTraces } from './ext2-traces.js';
import { runCommand } from '../process/run.js';

/** How long qemu-img may take to tell of holes, in milliseconds; without its answer the whole file is read. */
const MAP_LIMIT = 60_000;
const BLOCK = 64 * 1024;
const CHUNK = 16 * BLOCK;
const ZEROS = Buffer.alloc(BLOCK);

const extents = z.array(z.object({ start: z.number(), length: z.number(), data: z.boolean() }));

/**
 * The SHA-256 of a file's size and of its blocks that are not all zeros, each with its place: in hexadecimal.
 *
 * Files of equal content have equal hashes, however their holes lie; the holes of a sparse file are not read. What `leave`
 * blanks counts as zeros.
 */
export async function contentHash(
  file: string,
  log?: (line: string) => void,
  leave?: (file: FileHandle) => Promise<EraseTraces | null>,
): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const hash = createHash('sha256').update(`${size}\n`);
    const buffer = Buffer.allocUnsafe(CHUNK);
    const blank = await leave?.(handle);
    for (const { start, end } of await dataRanges(file, size, log)) {
      for (let at = start; at < end; at += CHUNK) {
        const bytes = await readFully(handle, buffer, at, Math.min(CHUNK, end - at));
        blank?.(bytes, at);
        for (let block = 0; block < bytes.length; block += BLOCK) {
          const part = bytes.subarray(block, block + BLOCK);
          if (part.equals(ZEROS.subarray(0, part.length))) continue;
          hash.update(`${at + block}\n`).update(part);
        }
      }
    }
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
}

/** Where a file may hold other bytes than zeros, widened to whole blocks. Node cannot ask for holes, qemu-img can. */
async function dataRanges(
  file: string,
  size: number,
  log: ((line: string) => void) | undefined,
): Promise<{ start: number; end: number }[]> {
  const whole = [{ start: 0, end: size }];
  if (size < 8 * CHUNK) return whole;
  const result = await runCommand('qemu-img', ['map', '--output=json', '-f', 'raw', '-U', file], {
    env: { LC_ALL: 'C' },
    timeout: MAP_LIMIT,
    log,
  });
  if (result.failure !== null) return whole;
  const parsed = extents.safeParse(parseJson(result.stdout));
  if (!parsed.success) return whole;
  const ranges: { start: number; end: number }[] = [];
  for (const { start, length, data } of parsed.data) {
    if (!data) continue;
    const from = start - (start % BLOCK);
    const to = Math.min(size, Math.ceil((start + length) / BLOCK) * BLOCK);
    const last = ranges.at(-1);
    if (last !== undefined && from <= last.end) last.end = Math.max(last.end, to);
    else ranges.push({ start: from, end: to });
  }
  return ranges;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function readFully(handle: FileHandle, buffer: Buffer, position: number, length: number): Promise<Buffer> {
  let used = 0;
  while (used < length) {
    const { bytesRead } = await handle.read(buffer, used, length - used, position + used);
    // The file became shorter meanwhile: the hash is of what is there.
    if (bytesRead === 0) break;
    used += bytesRead;
  }
  return buffer.subarray(0, used);
}
