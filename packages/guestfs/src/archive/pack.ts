import { constants, type BigIntStats } from 'node:fs';
import { open, readlink } from 'node:fs/promises';
import { GuestfsError } from '@guestfs/core';
import { workAhead } from './ahead.js';
import { entryHeader, setLinkName, type EntryHeader } from './entry-header.js';
import { encodePaxRecords } from './pax-records.js';
import { findData, type DataSegment } from './sparse.js';
import { addEntry, pack as createPack, type EntryFields, type Pack, type Sink } from './tar.js';
import { walkTree, type TreeEntry } from './walk.js';

export interface PackOptions {
  /** Called for what cannot be put into an archive. */
  readonly warn: (message: string) => void;
}

const READ_SIZE = 256 * 1024;
const BLOCK = 512;
const NO_BYTES = Buffer.alloc(0);

/** Files of up to this many bytes are read before their turn, so many entries ahead. */
const SMALL = 64n * 1024n;
const AHEAD = 8;

/** Not blocking, in case a FIFO took the file's place since it was looked at. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Makes a tar stream of a file, folder or link of this host, under the given name in the archive.
 *
 * Modes, numeric owners, times to the nanosecond, symbolic and hard links, holes, devices and names of any bytes are
 * kept; sockets are left out with a warning. Reading goes on only as far as the stream is consumed, and every file is
 * closed when it ends, fails or is given up.
 */
export async function* packTree(path: Buffer, name: Buffer, options: PackOptions): AsyncGenerator<Buffer, void, void> {
  const pack = createPack();
  const producing = new Packer(pack, options).run(path, name).then(
    () => pack.finalize(),
    (error: Error) => pack.destroy(error),
  );
  try {
    for await (const chunk of pack) yield chunk as Buffer;
  } finally {
    pack.destroy(null);
    await producing;
  }
}

class Packer {
  readonly #pack: Pack;
  readonly #options: PackOptions;
  /** The archive's name of each file that has more than one, by its inode. */
  readonly #linked = new Map<string, Buffer>();

  constructor(pack: Pack, options: PackOptions) {
    this.#pack = pack;
    this.#options = options;
  }

  async run(path: Buffer, name: Buffer): Promise<void> {
    for await (const [entry, content] of workAhead(walkTree(path, name), AHEAD, readSmall)) {
      if (this.#pack.destroyed) return;
      await this.#add(entry, await content);
    }
  }

  async #add(entry: TreeEntry, content: Buffer | null): Promise<void> {
    const { name, path, stats } = entry;
    if (stats.isDirectory())
      return this.#addPlain(entryHeader('directory', name.length === 0 ? Buffer.from('.') : name, stats, 0));
    if (stats.nlink > 1n) {
      const inode = `${stats.dev}:${stats.ino}`;
      const first = this.#linked.get(inode);
      if (first !== undefined) {
        const link = entryHeader('link', name, stats, 0);
        setLinkName(link, first);
        return this.#addPlain(link);
      }
      this.#linked.set(inode, name);
    }
    if (content !== null) return this.#addContent(entryHeader('file', name, stats, content.length), content);
    if (stats.isFile()) return this.#addFile(entry);
    if (stats.isSymbolicLink()) {
      const link = entryHeader('symlink', name, stats, 0);
      setLinkName(link, await readlink(path, { encoding: 'buffer' }));
      return this.#addPlain(link);
    }
    if (stats.isFIFO()) return this.#addPlain(entryHeader('fifo', name, stats, 0));
    if (stats.isCharacterDevice()) return this.#addPlain(entryHeader('character-device', name, stats, 0));
    if (stats.isBlockDevice()) return this.#addPlain(entryHeader('block-device', name, stats, 0));
    this.#options.warn(`${path.toString()} is a socket and was not copied`);
  }

  async #addContent(entry: EntryHeader, content: Buffer): Promise<void> {
    await this.#addRecords(entry);
    const sink = this.#open(entry);
    await sink.write(content);
    await sink.end();
  }

  async #addFile({ path, name, stats }: TreeEntry): Promise<void> {
    const file = await open(path, FLAGS);
    try {
      const size = Number(stats.size);
      const sparse = isSparse(stats);
      const segments = sparse ? await findData(file, size) : [{ offset: 0, length: size }];
      const map = sparse ? sparseMap(segments, size) : NO_BYTES;
      const entry = entryHeader('file', name, stats, map.length + dataLength(segments));
      if (sparse) {
        entry.records.push(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0']);
        entry.records.push(['GNU.sparse.name', name], ['GNU.sparse.realsize', String(size)]);
      }
      await this.#addRecords(entry);
      const sink = this.#open(entry);
      if (map.length > 0) await sink.write(map);
      for (const { offset, length } of segments) await this.#sendData(file, path, offset, length, sink);
      await sink.end();
    } finally {
      await file.close();
    }
  }

  async #sendData(
    file: Awaited<ReturnType<typeof open>>,
    path: Buffer,
    offset: number,
    length: number,
    sink: EntryWriter,
  ) {
    for (let done = 0; done < length;) {
      const wanted = Math.min(READ_SIZE, length - done);
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset + done);
      if (bytesRead === 0) throw changedError(path);
      await sink.write(buffer.subarray(0, bytesRead));
      done += bytesRead;
    }
  }

  async #addPlain(entry: EntryHeader): Promise<void> {
    await this.#addRecords(entry);
    await this.#open(entry).opened;
  }

  /** A pax header of our own before the entry. It fills whole blocks, as its bytes bypass tar-stream's padding. */
  async #addRecords({ records }: EntryHeader): Promise<void> {
    const body = encodePaxRecords(records);
    await this.#open({ header: { type: 'pax-header', name: 'PaxHeaders', size: body.length }, records: [] }).opened;
    this.#pack.push(body);
  }

  #open({ header }: EntryHeader): EntryWriter {
    return new EntryWriter(this.#pack, header);
  }
}

/** The content of a small file that has one name and no holes, null for all else. */
async function readSmall({ path, stats }: TreeEntry): Promise<Buffer | null> {
  if (!stats.isFile() || stats.size > SMALL || stats.nlink > 1n || isSparse(stats)) return null;
  const file = await open(path, FLAGS);
  try {
    const size = Number(stats.size);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(size), 0, size, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function isSparse(stats: BigIntStats): boolean {
  return stats.blocks * 512n < stats.size;
}

/** One entry of a pack, with promises in place of callbacks; everything rejects once the pack is destroyed. */
class EntryWriter {
  readonly #stream: Sink;
  /** Resolves when the entry is complete in the archive. */
  readonly opened: Promise<void>;

  constructor(pack: Pack, header: EntryFields) {
    let stream!: Sink;
    this.opened = new Promise<void>((resolve, reject) => {
      stream = addEntry(pack, header, (error) => (error ? reject(error) : resolve()));
    });
    // Heard through `write` and the pack itself too, and only one of the three may be waited for.
    this.opened.catch(() => undefined);
    stream.on('error', () => undefined);
    this.#stream = stream;
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.#stream.write(bytes)) return;
    let drained!: () => void;
    const drain = new Promise<void>((resolve) => (drained = resolve));
    this.#stream.once('drain', drained);
    await Promise.race([drain, this.opened]);
  }

  async end(): Promise<void> {
    this.#stream.end(null);
    await this.opened;
  }
}

/** The map that comes before the data of a sparse file, in version 1.0 of GNU tar's format. */
function sparseMap(segments: readonly DataSegment[], size: number): Buffer {
  // The last segment tells where the file ends, even when it ends in a hole.
  const all = [...segments, { offset: size, length: 0 }];
  const text = [all.length, ...all.flatMap(({ offset, length }) => [offset, length])].join('\n') + '\n';
  return Buffer.from(text.padEnd(Math.ceil(text.length / BLOCK) * BLOCK, '\0'));
}

function dataLength(segments: readonly DataSegment[]): number {
  return segments.reduce((sum, { length }) => sum + length, 0);
}

function changedError(path: Buffer): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_TRANSFER', `${path.toString()} became shorter while it was read`, {
    operation: 'copyIn',
    hint: 'copy it while nothing writes to it',
  });
}
