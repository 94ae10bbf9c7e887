import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { link, lchown, lstat, lutimes, mkdir, open, rename, symlink, unlink, type FileHandle } from 'node:fs/promises';
import { GuestfsError } from '@guestfs/core';
import { SparseWriter } from './sparse.js';
import { unsafePath } from './safe-path.js';
import { joinBytes } from './walk.js';

/** What is set on an entry besides its content. */
export interface Metadata {
  /** Permission bits, without the type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** In seconds since the epoch. */
  readonly mtime: number;
}

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_DIRECTORY } = constants;
const isRoot = process.getuid?.() === 0;

/**
 * Writes entries below one folder of this host, and nowhere else.
 *
 * Every folder on the way to an entry is looked at before the first entry in it is written: a symbolic link there, or
 * anything else that is no folder, is refused. Nothing is written through a link. A file that exists is replaced only
 * when its successor is complete, by a rename; so what fails leaves the old one.
 *
 * Owners are set only for root. For others the set-user-ID and set-group-ID bits are dropped, as the owner is another.
 * Folders get their mode and times in `finish`, so that those without write permission can be filled.
 */
export class TargetFolder {
  readonly #root: Buffer;
  readonly #operation: string;
  readonly #rootIsOwn: boolean;
  /** Folders that this copy made or looked at; they cannot turn into links, as no folder is ever replaced. */
  readonly #folders = new Set<string>(['']);
  readonly #unfinished: { path: Buffer; metadata: Metadata }[] = [];

  /**
   * `root` is an existing folder, which may be reached through links. Unless it is the copy's own, it keeps its mode,
   * owner and times, whatever the guest's root folder has.
   */
  constructor(root: Buffer, operation: string, rootIsOwn = true) {
    this.#root = root;
    this.#rootIsOwn = rootIsOwn;
    this.#operation = operation;
  }

  async addFolder(components: readonly string[], metadata: Metadata): Promise<void> {
    await this.#enter(components);
    if (components.length === 0 && !this.#rootIsOwn) return;
    this.#unfinished.push({ path: this.#path(components), metadata });
  }

  /** Writes a file from its pieces and resolves with its length; a piece is consumed before the next is asked for. */
  async addFile(
    components: readonly string[],
    metadata: Metadata,
    content: AsyncIterable<Uint8Array> | readonly Uint8Array[],
  ): Promise<number> {
    const path = await this.#pathOfEntry(components);
    const { file, temporary } = await this.#create(path);
    try {
      const writer = new SparseWriter(file);
      for await (const piece of content) await writer.write(piece);
      const size = await writer.end();
      await setMetadata(file, metadata);
      await file.close();
      if (temporary !== null) await rename(temporary, path);
      return size;
    } catch (error) {
      await file.close().catch(() => undefined);
      await unlink(temporary ?? path).catch(() => undefined);
      throw error;
    }
  }

  async addSymlink(components: readonly string[], metadata: Metadata, target: string): Promise<void> {
    const bytes = Buffer.from(target, 'latin1');
    await this.#place(components, async (path) => {
      await symlink(bytes, path);
      if (isRoot) await lchown(path, metadata.uid, metadata.gid);
      await lutimes(path, timeOf(metadata), timeOf(metadata));
    });
  }

  /** Makes another name for an entry that was written before. */
  async addLink(components: readonly string[], target: readonly string[], name: string): Promise<void> {
    if (target.length === 0) throw unsafePath(this.#operation, name, 'is a hard link to the target folder');
    await this.#check(target.slice(0, -1), name);
    const from = this.#path(target);
    await this.#place(components, (path) => link(from, path));
  }

  /** Gives the folders their modes, owners and times, the innermost first. */
  async finish(): Promise<void> {
    for (const { path, metadata } of this.#unfinished.reverse()) {
      const folder = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      try {
        await setMetadata(folder, metadata);
      } finally {
        await folder.close();
      }
    }
  }

  #path(components: readonly string[]): Buffer {
    return components.length === 0 ? this.#root : joinBytes(this.#root, Buffer.from(components.join('/'), 'latin1'));
  }

  async #pathOfEntry(components: readonly string[]): Promise<Buffer> {
    if (components.length === 0) throw unsafePath(this.#operation, '.', 'is no folder');
    await this.#enter(components.slice(0, -1));
    return this.#path(components);
  }

  /** Makes each folder of a path that is missing, and makes sure that each is a folder. */
  async #enter(components: readonly string[]): Promise<void> {
    for (let depth = 1; depth <= components.length; depth++) {
      const part = components.slice(0, depth);
      const key = part.join('/');
      if (this.#folders.has(key)) continue;
      const path = this.#path(part);
      try {
        await mkdir(path, 0o700);
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
        this.#mustBeFolder(await lstat(path), key);
      }
      this.#folders.add(key);
    }
  }

  /** Like `#enter`, but makes nothing. */
  async #check(components: readonly string[], name: string): Promise<void> {
    for (let depth = 1; depth <= components.length; depth++) {
      const part = components.slice(0, depth);
      if (!this.#folders.has(part.join('/'))) this.#mustBeFolder(await lstat(this.#path(part)), name);
    }
  }

  #mustBeFolder(stats: Stats, name: string): void {
    if (stats.isSymbolicLink()) throw unsafePath(this.#operation, name, 'goes through a symbolic link');
    if (!stats.isDirectory()) throw this.#inTheWay('EEXIST', name, 'no folder');
  }

  #inTheWay(code: string, name: string, what: string): GuestfsError {
    const shown = Buffer.from(name, 'latin1').toString();
    return new GuestfsError(code, `'${shown}' exists in the target folder and is ${what}`, {
      operation: this.#operation,
      hint: 'copy into another folder, or move what is there out of the way',
    });
  }

  /** Opens a new file: at its place where that is free, else beside it. */
  async #create(path: Buffer): Promise<{ file: FileHandle; temporary: Buffer | null }> {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    try {
      return { file: await open(path, flags, 0o600), temporary: null };
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    await this.#mustNotBeFolder(path);
    const temporary = besides(path);
    return { file: await open(temporary, flags, 0o600), temporary };
  }

  /** Makes a link at its place where that is free, else beside it and then over what is there. */
  async #place(components: readonly string[], make: (path: Buffer) => Promise<void>): Promise<void> {
    const path = await this.#pathOfEntry(components);
    try {
      await make(path);
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    await this.#mustNotBeFolder(path);
    const temporary = besides(path);
    try {
      await make(temporary);
      await rename(temporary, path);
    } finally {
      // Also after a rename: between two names of one file it does nothing.
      await unlink(temporary).catch(() => undefined);
    }
  }

  async #mustNotBeFolder(path: Buffer): Promise<void> {
    if ((await lstat(path)).isDirectory()) throw this.#inTheWay('EISDIR', path.toString('latin1'), 'a folder');
  }
}

async function setMetadata(file: FileHandle, metadata: Metadata): Promise<void> {
  const { mode, uid, gid } = metadata;
  if (isRoot) await file.chown(uid, gid);
  await file.chmod(isRoot ? mode : mode & 0o1777);
  await file.utimes(timeOf(metadata), timeOf(metadata));
}

/** Node takes a number below zero for the present, but a date as it is. */
function timeOf({ mtime }: Metadata): number | Date {
  return mtime < 0 ? new Date(mtime * 1000) : mtime;
}

function besides(path: Buffer): Buffer {
  const folder = path.subarray(0, path.lastIndexOf(0x2f));
  return joinBytes(
    folder.length === 0 ? Buffer.from('/') : folder,
    Buffer.from(`.guestfs-${randomBytes(9).toString('base64url')}`),
  );
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}
