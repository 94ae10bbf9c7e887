import { constants } from 'node:fs';
import { GuestfsError } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const MISSING = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/**
 * Reads a picture of the guest: null unless it is a PNG file with sides of 16 to 1024 pixels and of at most `limit`
 * bytes, by default four for each pixel. What the guest holds is not trusted.
 */
export async function readPng(run: Run, path: string, limit?: number): Promise<Buffer | null> {
  const size = await fileSize(run, path);
  if (size === null) return null;
  const head = await run.call(procedures.pread, [path, 24, 0n]);
  if (head.length < 24 || !head.subarray(0, 8).equals(SIGNATURE)) return null;
  const [width, height] = [head.readUInt32BE(16), head.readUInt32BE(20)];
  if (Math.min(width, height) < 16 || Math.max(width, height) > 1024) return null;
  return size > (limit ?? 4 * width * height) ? null : run.fetch(procedures.download, [path]);
}

/** The first of several pictures that is there. */
export async function firstPng(run: Run, paths: readonly string[], limit?: number): Promise<Buffer | null> {
  for (const path of paths) {
    const icon = await readPng(run, path, limit);
    if (icon !== null) return icon;
  }
  return null;
}

/** Reads a file of any sort, null where there is none or it has more than `limit` bytes. */
export async function readSmall(run: Run, path: string, limit: number): Promise<Buffer | null> {
  const size = await fileSize(run, path);
  return size === null || size > limit ? null : run.fetch(procedures.download, [path]);
}

async function fileSize(run: Run, path: string): Promise<number | null> {
  try {
    const { stMode, stSize } = await run.call(procedures.statns, [path]);
    return (Number(stMode) & constants.S_IFMT) === constants.S_IFREG ? Number(stSize) : null;
  } catch (error) {
    if (GuestfsError.is(error) && MISSING.has(error.code)) return null;
    throw error;
  }
}
