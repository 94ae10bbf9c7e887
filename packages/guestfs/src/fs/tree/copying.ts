import { constants } from 'node:fs';
import { prepareFile } from '../content/content.js';
import { attempt, codeOf, makeError } from '../errors.js';
import type { DirectoryFunctions } from './directories.js';
import type { GuestFiles } from '../guest.js';
import type { LinkFunctions } from './links.js';
import type { MetadataFunctions } from '../metadata.js';
import { parseFlags } from '../content/open-flags.js';
import { joinPath, toGuestPath, type PathLike } from '../paths.js';
import { realEntry } from './real-directory.js';
import type { GuestStats } from '../stats.js';

export interface CpOptions {
  /** Copies directories too. */
  readonly recursive?: boolean | undefined;
  /** Follows symbolic links; default false. */
  readonly dereference?: boolean | undefined;
  /** Replaces files that exist; default true. */
  readonly force?: boolean | undefined;
  /** With `force: false`: whether a file that exists is an error; default false, it is left alone. */
  readonly errorOnExist?: boolean | undefined;
  readonly preserveTimestamps?: boolean | undefined;
  /** False leaves an entry out. */
  readonly filter?: ((source: string, destination: string) => boolean | Promise<boolean>) | undefined;
}

/** The functions of `g.fs` that copy inside the guest. */
export interface CopyFunctions {
  copyFile(source: PathLike, destination: PathLike, mode?: number): Promise<void>;
  cp(source: PathLike, destination: PathLike, options?: CpOptions): Promise<void>;
}

type Others = MetadataFunctions & DirectoryFunctions & LinkFunctions;

export function createCopyFunctions(guest: GuestFiles, others: Others): CopyFunctions {
  /** The path that a program in the appliance reaches the same file by. */
  async function real(path: string, follow: boolean): Promise<string> {
    const { stMode } = await guest.lstatns(path);
    const isLink = (Number(stMode) & constants.S_IFMT) === constants.S_IFLNK;
    if (isLink && follow) return guest.realpath(path);
    return realEntry(guest, path);
  }

  async function copyFile(source: PathLike, destination: PathLike, mode = 0) {
    const src = toGuestPath(source, 'src');
    const dest = toGuestPath(destination, 'dest');
    const what = { syscall: 'copyfile', path: src, dest };
    const { stMode, stIno, stDev } = await attempt(what, () => guest.statns(src));
    if ((Number(stMode) & constants.S_IFMT) === constants.S_IFDIR) throw makeError('EISDIR', what);
    const flags = parseFlags((mode & constants.COPYFILE_EXCL) !== 0 ? 'wx' : constants.O_WRONLY | constants.O_CREAT);
    await prepareFile(guest, dest, flags, Number(stMode) & 0o777).catch((error: unknown) => {
      throw makeError(codeOf(error) ?? 'EIO', what, error);
    });
    const target = await attempt(what, () => guest.statns(dest));
    // Opening the target for the copy would empty the source.
    if (target.stIno === stIno && target.stDev === stDev) return;
    await attempt(what, async () => guest.copyFileToFile(await real(src, true), await real(dest, true)));
  }

  async function cp(source: PathLike, destination: PathLike, options: CpOptions = {}): Promise<void> {
    const src = toGuestPath(source, 'src');
    const dest = toGuestPath(destination, 'dest');
    if (joinPath(dest, '').startsWith(joinPath(src, ''))) throw makeError('EINVAL', { syscall: 'cp', path: src, dest });
    await copyEntry(src, dest, options);
  }

  async function copyEntry(src: string, dest: string, options: CpOptions): Promise<void> {
    if (options.filter !== undefined && !(await options.filter(src, dest))) return;
    const stats = await (options.dereference === true ? others.stat(src) : others.lstat(src));
    const there = await others.lstat(dest).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
      return null;
    });
    const what = { syscall: 'cp', path: src, dest };
    if (stats.isDirectory()) {
      if (options.recursive !== true) throw Object.assign(makeError('EISDIR', what), { code: 'ERR_FS_EISDIR' });
      if (there !== null && !there.isDirectory()) throw makeError('ENOTDIR', what);
      if (there === null) await others.mkdir(dest);
      for (const name of await others.readdir(src)) {
        await copyEntry(joinPath(src, name), joinPath(dest, name), options);
      }
      if (there === null) await others.chmod(dest, stats.mode & 0o7777);
    } else {
      if (there?.isDirectory() === true) throw makeError('EISDIR', what);
      if (there !== null && options.force === false) {
        if (options.errorOnExist === true) throw Object.assign(makeError('EEXIST', what), { code: 'ERR_FS_CP_EEXIST' });
        return;
      }
      await copyLeaf(src, dest, stats, there !== null);
    }
    if (options.preserveTimestamps === true) await others.lutimes(dest, stats.atime, stats.mtime);
  }

  async function copyLeaf(src: string, dest: string, stats: GuestStats, exists: boolean): Promise<void> {
    if (stats.isFile()) return copyFile(src, dest);
    if (exists) await others.unlink(dest);
    if (stats.isSymbolicLink()) return others.symlink(await others.readlink(src), dest);
    await attempt({ syscall: 'mknod', path: src, dest }, () =>
      guest.mknod(stats.mode, Number((BigInt(stats.rdev) >> 8n) & 0xfffn), stats.rdev & 0xff, dest),
    );
  }

  return { copyFile, cp };
}
