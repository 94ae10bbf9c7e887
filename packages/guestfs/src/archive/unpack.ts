import { GuestfsError } from '@guestfs/core';
import { WorkPool } from './ahead.js';
import { safeComponents } from './safe-path.js';
import { extract as createExtract, type Entry, type Extract, type Header } from './tar.js';
import type { Metadata, TargetFolder } from './target-folder.js';

export interface UnpackOptions {
  readonly operation: string;
  /** Called for what this host gets no copy of. */
  readonly warn: (message: string) => void;
}

/**
 * Reads a tar stream that a guest's daemon made and writes its entries below a folder.
 *
 * The stream is not trusted: see {@link TargetFolder}. Devices and FIFOs are left out with a warning. The source is read
 * only as fast as the entries are written, and is given up when one fails.
 */
export async function unpackTree(
  source: AsyncIterable<Buffer>,
  target: TargetFolder,
  options: UnpackOptions,
): Promise<void> {
  const extract = createExtract();
  const pool = new WorkPool(PARALLEL);
  const feeding = feed(source, extract);
  // Waited for below, which may be later than it fails.
  feeding.catch(() => undefined);
  try {
    for await (const entry of extract) {
      await addEntry(entry, target, pool, options);
      entry.resume();
    }
    await feeding;
    await pool.drain();
    await target.finish();
  } catch (error) {
    extract.destroy(null);
    await pool.settle();
    // Why the stream broke off tells more than that it broke off.
    const outcome = await feeding.then(
      () => null,
      (cause: unknown) => ({ cause }),
    );
    if (outcome !== null && !(outcome.cause instanceof GivenUp)) throw outcome.cause;
    throw error instanceof Error && !GuestfsError.is(error) && isMalformed(error)
      ? malformed(options.operation, error)
      : error;
  }
}

async function addEntry(entry: Entry, target: TargetFolder, pool: WorkPool, options: UnpackOptions): Promise<void> {
  const { operation, warn } = options;
  const { header } = entry;
  const components = safeComponents(header.name, operation);
  const metadata = metadataOf(header);
  if ((header.type === 'file' || header.type === 'contiguous-file') && header.size <= SMALL) {
    const content: Uint8Array[] = [];
    for await (const piece of entry) content.push(piece);
    return pool.add(components.join('/'), () => target.addFile(components, metadata, content));
  }
  // All else may concern files that are being written.
  await pool.drain();
  switch (header.type) {
    case 'directory':
      return target.addFolder(components, metadata);
    case 'file':
    case 'contiguous-file':
      await target.addFile(components, metadata, entry);
      return;
    case 'symlink':
      return target.addSymlink(components, metadata, header.linkname ?? '');
    case 'link': {
      const linkname = header.linkname ?? '';
      return target.addLink(components, safeComponents(linkname, operation), linkname);
    }
    case 'fifo':
    case 'character-device':
    case 'block-device':
      return warn(
        `${Buffer.from(header.name, 'latin1').toString()} is a ${header.type.replace('-', ' ')} and was not copied`,
      );
    default:
      throw malformed(operation, new Error(`unknown type of entry: ${Buffer.from(header.name, 'latin1').toString()}`));
  }
}

function metadataOf({ mode, uid, gid, mtime }: Header): Metadata {
  const seconds = mtime.getTime() / 1000;
  // tar-stream reads negative numbers as ones' complement, which is one too many. (It cannot tell -1 from 0.)
  return { mode: mode & 0o7777, uid, gid, mtime: seconds < 0 ? seconds - 1 : seconds };
}

/** Files of up to this many bytes are written side by side, so many at a time. */
const SMALL = 64 * 1024;
const PARALLEL = 8;

class GivenUp extends Error {}

/** Passes the source on with back-pressure; rejects with the source's error. */
async function feed(source: AsyncIterable<Buffer>, extract: Extract): Promise<void> {
  let wake: () => void = () => undefined;
  extract.on('drain', () => wake());
  extract.on('close', () => wake());
  // Told through the entries' iterator too.
  extract.on('error', () => undefined);
  try {
    for await (const chunk of source) {
      if (extract.destroyed) throw new GivenUp();
      if (extract.write(chunk)) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (extract.destroyed) resolve();
      });
      if (extract.destroyed) throw new GivenUp();
    }
  } catch (error) {
    if (!(error instanceof GivenUp)) extract.destroy(error as Error);
    throw error;
  }
  extract.end(null);
}

/** Errors of tar-stream have no code; those of the host do. */
function isMalformed(error: Error): boolean {
  return !('code' in error);
}

function malformed(operation: string, cause: Error): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_PROTOCOL', `the guest's tar cannot be read: ${cause.message}`, {
    operation,
    cause,
    hint: 'the daemon ended its tar early, or sent another format; what was written so far stays in the target folder',
  });
}
