import { constants } from 'node:fs';
import { FileKind } from '../stats.js';

const { S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK } = constants;

/** The type bits of the letters that the daemon uses; those it does not know are left out. */
export const KINDS: Readonly<Record<string, number>> = {
  r: S_IFREG,
  d: S_IFDIR,
  l: S_IFLNK,
  c: S_IFCHR,
  b: S_IFBLK,
  f: S_IFIFO,
  s: S_IFSOCK,
};

/** An entry of a directory, as node:fs gives it with `withFileTypes`. */
export class GuestDirent<Name extends string | Buffer = string> extends FileKind {
  readonly name: Name;
  /** The directory that it is in. */
  readonly parentPath: string;
  /** The same; the older name of it. */
  readonly path: string;
  readonly #kind: number;

  constructor(name: Name, parentPath: string, kind: number) {
    super();
    this.name = name;
    this.parentPath = parentPath;
    this.path = parentPath;
    this.#kind = kind;
  }

  protected override kind(): number {
    return this.#kind;
  }
}

/** A directory that is read entry by entry, as `g.fs.opendir` gives it. */
export class GuestDir implements AsyncIterable<GuestDirent> {
  readonly path: string;
  readonly #entries: readonly GuestDirent[];
  #next = 0;
  #closed = false;

  constructor(path: string, entries: readonly GuestDirent[]) {
    this.path = path;
    this.#entries = entries;
  }

  /** Resolves with the next entry, null after the last. */
  async read(): Promise<GuestDirent | null> {
    if (this.#closed) throw Object.assign(new Error('Directory handle was closed'), { code: 'ERR_DIR_CLOSED' });
    return this.#entries[this.#next++] ?? null;
  }

  async close(): Promise<void> {
    if (this.#closed) throw Object.assign(new Error('Directory handle was closed'), { code: 'ERR_DIR_CLOSED' });
    this.#closed = true;
  }

  /** Yields the entries that are left and closes it then, also after a `break`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<GuestDirent, void, void> {
    try {
      for (let entry = await this.read(); entry !== null; entry = await this.read()) yield entry;
    } finally {
      if (!this.#closed) await this.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) await this.close();
  }
}
