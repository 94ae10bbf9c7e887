import { accessSync, constants, mkdtempSync, statSync } from 'node:fs';
import { access, chmod, lstat, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GuestfsError } from '../../protocol/errors.js';
import { folderHint, type FolderRole } from './folder-roles.js';
import { codeOf } from './system-error.js';

/** The longest path of a unix socket, in bytes: the kernel's field less its final zero. */
const SOCKET_PATH_LIMIT = process.platform === 'linux' ? 107 : 103;

/**
 * Makes a fresh folder that only this user can enter, among the temporary files; at once, so that no exit comes between it
 * and who removes it.
 */
export function makePrivateFolder(tmpdir: string, purpose: string): string {
  return makeFolder('tmpdir', tmpdir, purpose);
}

/** Where sockets go when the folder for them cannot be used. */
const SOCKETS_ELSEWHERE = '/tmp';

/**
 * Makes a fresh folder for sockets that only this user can enter.
 *
 * Where XDG_RUNTIME_DIR is another user's, as after `su`, or is gone, as in a job of cron, that is in /tmp.
 */
export function makeSocketFolder(sockdir: string): string {
  const parent = socketFolderFault(sockdir) === null ? sockdir : SOCKETS_ELSEWHERE;
  return makeFolder('sockdir', parent, 'the socket of the appliance');
}

/** What keeps this user from having sockets in a folder; null where nothing does. */
export function socketFolderFault(folder: string): string | null {
  try {
    const found = statSync(folder);
    const { uid, mode } = found;
    if (!found.isDirectory()) return 'is not a directory';
    const user = process.geteuid?.() ?? uid;
    // Who owns the folder can put another socket in our place, unless it is the administrator's and as shared as /tmp.
    if (uid !== user && !(uid === 0 && (mode & STICKY) !== 0)) return `belongs to user ${uid}`;
    accessSync(folder, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'does not exist' : `cannot be used (${codeOf(error) ?? 'unknown'})`;
  }
}

const STICKY = 0o1000;

/** Refuses a folder for temporary files that is none, or that this user may not write. */
export async function checkTemporaryFolder(tmpdir: string): Promise<void> {
  try {
    const found = await stat(tmpdir);
    if (!found.isDirectory()) throw Object.assign(new Error(`${tmpdir} is not a directory`), { code: 'ENOTDIR' });
    await access(tmpdir, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new GuestfsError('ERR_GUESTFS_UNSAFE_PATH', `the directory for temporary files ${tmpdir} cannot be used`, {
      hint: folderHint('tmpdir', tmpdir, cause),
      cause,
    });
  }
}

function makeFolder(role: FolderRole, parent: string, purpose: string): string {
  try {
    return mkdtempSync(join(parent, 'guestfs-'));
  } catch (cause) {
    throw new GuestfsError(
      isFull(cause) ? 'ERR_GUESTFS_NO_SPACE' : 'ERR_GUESTFS_UNSAFE_PATH',
      `no directory for ${purpose} could be made in ${parent}`,
      { hint: folderHint(role, parent, cause), cause },
    );
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '');
}

/** Refuses a socket path that the kernel would cut off. */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= SOCKET_PATH_LIMIT) return;
  throw new GuestfsError(
    'ERR_GUESTFS_ARGUMENT',
    `the socket path ${path} has ${length} bytes; ${SOCKET_PATH_LIMIT} are possible`,
    {
      hint: 'choose a directory with a shorter name for sockets: XDG_RUNTIME_DIR, or /tmp',
    },
  );
}

/**
 * The folder `.guestfs-UID` in the cache folder, made where it is missing.
 *
 * Whoever can write there runs code beside the user's disks: it must be this user's, and closed to others.
 */
export async function openCacheFolder(cachedir: string): Promise<string> {
  const uid = process.geteuid?.();
  const folder = join(cachedir, `.guestfs-${uid ?? 'user'}`);
  try {
    await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    const found = await lstat(folder);
    if (!found.isDirectory()) throw unsafe(folder, 'is not a directory');
    if (uid !== undefined && found.uid !== uid) throw unsafe(folder, `belongs to user ${found.uid}, not to ${uid}`);
    if (uid !== undefined && (found.mode & 0o022) !== 0) await chmod(folder, 0o700);
    return folder;
  } catch (cause) {
    if (GuestfsError.is(cause)) throw cause;
    const code = isFull(cause) ? 'ERR_GUESTFS_NO_SPACE' : 'ERR_GUESTFS_APPLIANCE_BUILD';
    throw new GuestfsError(code, `the cache directory ${folder} cannot be used`, {
      hint: folderHint('cachedir', cachedir, cause),
      cause,
    });
  }
}

function unsafe(folder: string, why: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_UNSAFE_PATH', `the cache directory ${folder} ${why}`, {
    hint: `remove it, or set LIBGUESTFS_CACHEDIR to a directory that only you can write`,
  });
}
