import { constants } from 'node:fs';
import { GuestDir, GuestDirent, KINDS } from './dirent.js';
import { attempt, codeOf, makeError } from '../errors.js';
import type { GuestFiles } from '../guest.js';
import { realEntry } from './real-directory.js';
import { parseMode } from '../content/open-flags.js';
import {
  encodeName,
  encodingOf,
  joinPath,
  parentOf,
  toGuestPath,
  type BufferOptions,
  type NameEncoding,
  type PathLike,
  type TextOptions,
} from '../paths.js';

const { S_IFMT, S_IFDIR } = constants;

/** An entry that was found while listing. */
interface Found {
  readonly name: string;
  readonly directory: string;
  /** The type bits of its mode. */
  readonly kind: number;
}

export interface ReaddirOptions {
  readonly encoding?: NameEncoding;
  readonly withFileTypes?: boolean | undefined;
  readonly recursive?: boolean | undefined;
}

export interface MkdirOptions {
  readonly recursive?: boolean | undefined;
  readonly mode?: number | string | undefined;
}

export interface RmOptions {
  readonly recursive?: boolean | undefined;
  readonly force?: boolean | undefined;
}

/** The functions of `g.fs` about directories. */
export interface DirectoryFunctions {
  readdir(
    path: PathLike,
    options?:
      | BufferEncoding
      | {
          encoding?: BufferEncoding | null | undefined;
          withFileTypes?: false | undefined;
          recursive?: boolean | undefined;
        }
      | null,
  ): Promise<string[]>;
  readdir(
    path: PathLike,
    options: 'buffer' | { encoding: 'buffer'; withFileTypes?: false | undefined; recursive?: boolean | undefined },
  ): Promise<Buffer[]>;
  readdir(
    path: PathLike,
    options: { encoding: 'buffer'; withFileTypes: true; recursive?: boolean | undefined },
  ): Promise<GuestDirent<Buffer>[]>;
  readdir(
    path: PathLike,
    options: { encoding?: BufferEncoding | null | undefined; withFileTypes: true; recursive?: boolean | undefined },
  ): Promise<GuestDirent[]>;
  /** Reads a directory whole and hands it out entry by entry. */
  opendir(path: PathLike, options?: { readonly recursive?: boolean | undefined } | null): Promise<GuestDir>;
  /** With `recursive` it resolves with the first directory that had to be made, undefined when all was there. */
  mkdir(path: PathLike, options?: MkdirOptions | number | string | null): Promise<string | undefined>;
  mkdtemp(prefix: PathLike, options?: TextOptions): Promise<string>;
  mkdtemp(prefix: PathLike, options: BufferOptions): Promise<Buffer>;
  rmdir(path: PathLike): Promise<void>;
  rm(path: PathLike, options?: RmOptions | null): Promise<void>;
}

export function createDirectoryFunctions(guest: GuestFiles): DirectoryFunctions {
  async function list(path: string, syscall: string): Promise<Found[]> {
    const entries = await attempt({ syscall, path }, () => guest.readdir(path));
    const shown = entries.filter(({ name }) => name !== '.' && name !== '..');
    // Some filesystems do not say in the directory what an entry is.
    const kindOf = async (name: string): Promise<number> =>
      Number((await guest.lstatns(joinPath(path, name))).stMode) & S_IFMT;
    return Promise.all(
      shown.map(async ({ name, ftyp }) => ({ name, directory: path, kind: KINDS[ftyp] ?? (await kindOf(name)) })),
    );
  }

  async function listAll(path: string, syscall: string, recursive: boolean): Promise<Found[]> {
    const all = await list(path, syscall);
    if (!recursive) return all;
    // The list grows while it is walked.
    for (const { name, directory, kind } of all) {
      if (kind === S_IFDIR) all.push(...(await list(joinPath(directory, name), syscall)));
    }
    return all;
  }

  async function readdir(path: PathLike, options?: ReaddirOptions | NameEncoding) {
    const root = toGuestPath(path);
    const { withFileTypes = false, recursive = false } = typeof options === 'object' && options !== null ? options : {};
    const encoding = encodingOf(options);
    const entries = await listAll(root, 'scandir', recursive);
    if (withFileTypes) {
      return entries.map(({ name, directory, kind }) => new GuestDirent(encodeName(name, encoding), directory, kind));
    }
    const prefix = joinPath(root, '').length;
    return entries.map(({ name, directory }) => encodeName(joinPath(directory, name).slice(prefix), encoding));
  }

  async function opendir(path: PathLike, options?: { readonly recursive?: boolean | undefined } | null) {
    const root = toGuestPath(path);
    const entries = await listAll(root, 'opendir', options?.recursive === true);
    return new GuestDir(
      root,
      entries.map(({ name, directory, kind }) => new GuestDirent(name, directory, kind)),
    );
  }

  async function mkdir(path: PathLike, options?: MkdirOptions | number | string | null) {
    const directory = toGuestPath(path);
    const { recursive = false, mode } = typeof options === 'object' && options !== null ? options : { mode: options };
    const bits = parseMode(mode, 0o777);
    if (recursive) return mkdirAll(directory, bits);
    await attempt({ syscall: 'mkdir', path: directory }, () => guest.mkdirMode(directory, bits));
    return undefined;
  }

  /** Resolves with the first directory that had to be made. */
  async function mkdirAll(directory: string, mode: number): Promise<string | undefined> {
    const what = { syscall: 'mkdir', path: directory };
    try {
      await attempt(what, () => guest.mkdirMode(directory, mode));
      return directory;
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' && directory !== '/') {
        const first = await mkdirAll(parentOf(directory), mode);
        const own = await mkdirAll(directory, mode);
        return first ?? own;
      }
      if (code !== 'EEXIST') throw error;
      const { stMode } = await attempt(what, () => guest.statns(directory));
      if ((Number(stMode) & S_IFMT) !== S_IFDIR) throw error;
      return undefined;
    }
  }

  async function rmdir(path: PathLike) {
    const directory = toGuestPath(path);
    await attempt({ syscall: 'rmdir', path: directory }, () => guest.rmdir(directory));
  }

  async function rm(path: PathLike, options?: RmOptions | null) {
    const target = toGuestPath(path);
    const { recursive = false, force = false } = options ?? {};
    const what = { syscall: 'rm', path: target };
    let stats;
    try {
      stats = await attempt({ syscall: 'lstat', path: target }, () => guest.lstatns(target));
    } catch (error) {
      if (force && codeOf(error) === 'ENOENT') return;
      throw error;
    }
    if ((Number(stats.stMode) & S_IFMT) !== S_IFDIR) {
      await attempt(what, () => guest.rm(target));
      return;
    }
    if (!recursive) {
      const message = `Path is a directory: rm returned EISDIR (is a directory) ${target}`;
      throw Object.assign(makeError('EISDIR', what), { code: 'ERR_FS_EISDIR', name: 'SystemError', message });
    }
    // The daemon runs `rm`, for which links in the path would lead into the appliance.
    await attempt(what, async () => guest.rmRf(await realEntry(guest, target)));
  }

  async function mkdtemp(prefix: PathLike, options?: NameEncoding | { readonly encoding?: NameEncoding }) {
    const template = `${toGuestPath(prefix, 'prefix')}XXXXXX`;
    const made = await attempt({ syscall: 'mkdtemp', path: template }, () => guest.mkdtemp(template));
    return encodeName(made, encodingOf(options));
  }

  return {
    readdir: readdir as DirectoryFunctions['readdir'],
    opendir,
    mkdir,
    rmdir,
    rm,
    mkdtemp: mkdtemp as DirectoryFunctions['mkdtemp'],
  };
}
