import { attempt, codeOf, makeError } from '../errors.js';
import type { GuestFiles } from '../guest.js';
import {
  encodeName,
  encodingOf,
  invalid,
  toGuestPath,
  bytesToName,
  type BufferOptions,
  type NameEncoding,
  type PathLike,
  type TextOptions,
} from '../paths.js';
import { realEntry } from './real-directory.js';

type EncodingOptions = NameEncoding | { readonly encoding?: NameEncoding };

/** The functions of `g.fs` about names and links. */
export interface LinkFunctions {
  rename(oldPath: PathLike, newPath: PathLike): Promise<void>;
  unlink(path: PathLike): Promise<void>;
  link(existingPath: PathLike, newPath: PathLike): Promise<void>;
  symlink(target: PathLike, path: PathLike, type?: string | null): Promise<void>;
  readlink(path: PathLike, options?: TextOptions): Promise<string>;
  readlink(path: PathLike, options: BufferOptions): Promise<Buffer>;
  realpath(path: PathLike, options?: TextOptions): Promise<string>;
  realpath(path: PathLike, options: BufferOptions): Promise<Buffer>;
}

export function createLinkFunctions(guest: GuestFiles): LinkFunctions {
  async function symlink(target: PathLike, path: PathLike, _type?: string | null) {
    const linkname = toGuestPath(path);
    const to = linkTarget(target);
    const what = { syscall: 'symlink', path: to, dest: linkname };
    // The daemon runs `ln`, which would make the link inside a directory that is there, and outside the guest where an
    // absolute link is on the way.
    const taken = await attempt(what, () => guest.lstatns(linkname)).then(
      () => true,
      (error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error;
        return false;
      },
    );
    if (taken) throw makeError('EEXIST', what);
    await attempt(what, async () => guest.lnS(to, await realEntry(guest, linkname)));
  }

  async function link(existing: PathLike, path: PathLike) {
    const from = toGuestPath(existing, 'existingPath');
    const dest = toGuestPath(path, 'newPath');
    await attempt({ syscall: 'link', path: from, dest }, () => guest.ln(from, dest));
  }

  async function readlink(path: PathLike, options?: EncodingOptions) {
    const target = toGuestPath(path);
    const to = await attempt({ syscall: 'readlink', path: target }, () => guest.readlink(target));
    return encodeName(to, encodingOf(options));
  }

  async function realpath(path: PathLike, options?: EncodingOptions) {
    const target = toGuestPath(path);
    const real = await attempt({ syscall: 'realpath', path: target }, () => guest.realpath(target));
    return encodeName(real, encodingOf(options));
  }

  async function rename(oldPath: PathLike, newPath: PathLike) {
    const from = toGuestPath(oldPath, 'oldPath');
    const dest = toGuestPath(newPath, 'newPath');
    await attempt({ syscall: 'rename', path: from, dest }, () => guest.rename(from, dest));
  }

  async function unlink(path: PathLike) {
    const target = toGuestPath(path);
    await attempt({ syscall: 'unlink', path: target }, () => guest.rm(target));
  }

  return {
    symlink,
    link,
    readlink: readlink as LinkFunctions['readlink'],
    realpath: realpath as LinkFunctions['realpath'],
    rename,
    unlink,
  };
}

/** What a link holds is no path from `/`: it stays as it is. */
function linkTarget(target: PathLike): string {
  if (target instanceof URL) return toGuestPath(target, 'target');
  const text = typeof target === 'string' ? target : target instanceof Uint8Array ? bytesToName(target) : null;
  if (text === null || text.includes('\0')) {
    throw invalid('ERR_INVALID_ARG_TYPE', 'The "target" argument must be a string, Buffer or URL without null bytes.');
  }
  return text;
}
