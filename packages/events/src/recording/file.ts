import { createReadStream } from 'node:fs';
import { open, stat, truncate } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { FrameReader } from './frames.js';

/** What a recording tells is its owner's alone. */
const MODE = 0o600;

/**
 * A file to record to. Opened at the first turn; what is written before waits in memory.
 *
 * With `append`, an existing recording is continued after its last whole record, and a file that is none is left alone
 * and refused.
 */
export function openRecordingFile(path: string | URL, append: boolean): Writable {
  let file: FileHandle | undefined;
  return new Writable({
    construct(callback) {
      openAfterLastRecord(path, append).then(
        (handle) => {
          file = handle;
          callback();
        },
        (error: unknown) => callback(error as Error),
      );
    },
    writev(chunks, callback) {
      const bytes = Buffer.concat(chunks.map(({ chunk }) => chunk as Uint8Array));
      file?.appendFile(bytes).then(() => callback(), callback);
    },
    destroy(error, callback) {
      if (file === undefined) callback(error);
      else file.close().then(() => callback(error), callback);
    },
  });
}

async function openAfterLastRecord(path: string | URL, append: boolean): Promise<FileHandle> {
  if (!append) return open(path, 'w', MODE);
  const existing = await stat(path).catch(() => undefined);
  if (existing?.isFile() === true && existing.size > 0) {
    const whole = await endOfLastRecord(path);
    if (whole < existing.size) await truncate(path, whole);
  }
  return open(path, 'a', MODE);
}

async function endOfLastRecord(path: string | URL): Promise<number> {
  const reader = new FrameReader('ERR_GUESTFS_RECORDING');
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
    reader.push(chunk);
    while (reader.next() !== undefined);
  }
  return reader.offset;
}
