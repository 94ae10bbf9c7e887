import { decodeText, procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';

/** What is larger is sent as a file: the message limit is 4 MiB. */
const INLINE_MAX = 2 * 1024 * 1024;

export const readFile = (run: Run, path: string): Promise<Buffer> => run.fetch(procedures.download, [path]);

export async function cat(run: Run, path: string): Promise<string> {
  const bytes = await readFile(run, path);
  return decodeText(bytes, 0, bytes.length);
}

export async function readLines(run: Run, path: string): Promise<string[]> {
  const lines = (await cat(run, path)).split('\n');
  // What follows the last line's end is no line.
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

export async function write(run: Run, path: string, content: Uint8Array | string): Promise<void> {
  const bytes = toBytes(content);
  if (bytes.length <= INLINE_MAX) return run.call(procedures.internalWrite, [path, bytes]);
  return run.upload(procedures.upload, whole(bytes), [path], BigInt(bytes.length));
}

export async function writeAppend(run: Run, path: string, content: Uint8Array | string): Promise<void> {
  const bytes = toBytes(content);
  // Sent ahead one after the other, and carried out in that order.
  const calls: PromiseLike<void>[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += INLINE_MAX) {
    calls.push(run.call(procedures.internalWriteAppend, [path, bytes.subarray(at, at + INLINE_MAX)]));
  }
  await Promise.all(calls);
}

function toBytes(content: Uint8Array | string): Buffer {
  if (typeof content === 'string') return Buffer.from(content);
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
