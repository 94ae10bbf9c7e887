import { closeSync, createReadStream, openSync, statSync, writeSync } from 'node:fs';
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
 * and refused. A file on a disk is written at once, so that nothing is lost where the process exits; a pipe or a device
 * may keep a writer waiting, so these are not.
 */
export function openRecordingFile(path: string | URL, append: boolean): Writable {
  /** Of a file on a disk. */
  let fd: number | undefined;
  let file: FileHandle | undefined;
  return new Writable({
    construct(callback) {
      settle(callback, () => {
        fd = openFresh(path, append);
        if (fd === undefined) return openLater();
      });
    },
    writev(chunks, callback) {
      const bytes = Buffer.concat(chunks.map(({ chunk }) => chunk as Uint8Array));
      settle(callback, () => {
        if (fd === undefined) return file?.appendFile(bytes);
        for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      });
    },
    destroy(error, callback) {
      settle(
        (failure) => callback(error ?? failure),
        () => {
          if (file !== undefined) return file.close();
          if (fd !== undefined) closeSync(fd);
        },
      );
    },
  });

  async function openLater(): Promise<void> {
    file = await openAfterLastRecord(path, append);
    if ((await file.stat()).isFile()) fd = file.fd;
  }
}

/** Calls back when some work is done, and at once where it is done at once. */
function settle(callback: (error?: Error | null) => void, work: () => Promise<unknown> | undefined | void): void {
  let pending: Promise<unknown> | undefined | void;
  try {
    pending = work();
  } catch (error) {
    return callback(error as Error);
  }
  if (pending === undefined) return callback();
  pending.then(
    () => callback(),
    (error: unknown) => callback(error as Error),
  );
}

/** Opens what is empty or is to be; undefined for what must be looked at first, or may keep one waiting. */
function openFresh(path: string | URL, append: boolean): number | undefined {
  const existing = statSync(path, { throwIfNoEntry: false });
  const fresh = existing === undefined || (existing.isFile() && (!append || existing.size === 0));
  return fresh ? openSync(path, append ? 'a' : 'w', MODE) : undefined;
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
