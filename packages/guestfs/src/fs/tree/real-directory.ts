import { constants } from 'node:fs';
import type { GuestFiles } from '../guest.js';
import { joinPath, nameOf, parentOf } from '../paths.js';

/**
 * The path of a directory without symbolic links in it.
 *
 * For functions that run a program in the appliance (tar, rm, ln): that program sees the guest's files below a mount
 * point, so an absolute link in the path would lead it out of the guest. Where no part of the path is a link, which one
 * round trip tells, it is returned as it is.
 */
export async function realDirectory(guest: Pick<GuestFiles, 'lstatns' | 'realpath'>, path: string): Promise<string> {
  const parts = path.split('/').filter((part) => part !== '');
  const prefixes = parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`);
  const stats = await Promise.all(prefixes.map((prefix) => guest.lstatns(prefix)));
  const linked = stats.some(({ stMode }) => (Number(stMode) & constants.S_IFMT) === constants.S_IFLNK);
  return linked || parts.includes('..') ? guest.realpath(path) : path;
}

/** The path of an entry that is reached through no symbolic link; the entry itself may be one, or not exist. */
export async function realEntry(guest: Pick<GuestFiles, 'lstatns' | 'realpath'>, path: string): Promise<string> {
  return joinPath(await realDirectory(guest, parentOf(path)), nameOf(path));
}
