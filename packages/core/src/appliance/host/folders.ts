import { mkdtempSync } from 'node:fs';
import { chmod, lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GuestfsError } from '../../protocol/errors.js';
import { codeOf } from './system-error.js';

/** The longest path of a unix socket, in bytes: the kernel's field less its final zero. */
const SOCKET_PATH_LIMIT = process.platform === 'linux' ? 107 : 103;

/** Makes a fresh folder that only this user can enter; at once, so that no exit comes between it and who removes it. */
export function makePrivateFolder(parent: string, purpose: string): string {
  try {
    return mkdtempSync(join(parent, 'guestfs-'));
  } catch (cause) {
    throw new GuestfsError(
      codeOf(cause) === 'ENOSPC' ? 'ERR_GUESTFS_NO_SPACE' : 'ERR_GUESTFS_UNSAFE_PATH',
      `no folder for ${purpose} could be made in ${parent}`,
      {
        hint: folderHint(parent, cause),
        cause,
      },
    );
  }
}

/** Refuses a socket path that the kernel would cut off. */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= SOCKET_PATH_LIMIT) return;
  throw new GuestfsError(
    'ERR_GUESTFS_ARGUMENT',
    `the socket path ${path} has ${length} bytes; ${SOCKET_PATH_LIMIT} are possible`,
    {
      hint: 'choose a folder with a shorter name for sockets: XDG_RUNTIME_DIR, or /tmp',
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
    const stat = await lstat(folder);
    if (!stat.isDirectory()) throw unsafe(folder, 'is not a folder');
    if (uid !== undefined && stat.uid !== uid) throw unsafe(folder, `belongs to user ${stat.uid}, not to ${uid}`);
    if (uid !== undefined && (stat.mode & 0o022) !== 0) await chmod(folder, 0o700);
    return folder;
  } catch (cause) {
    if (GuestfsError.is(cause)) throw cause;
    const code = codeOf(cause) === 'ENOSPC' ? 'ERR_GUESTFS_NO_SPACE' : 'ERR_GUESTFS_APPLIANCE_BUILD';
    throw new GuestfsError(code, `the cache folder ${folder} cannot be used`, {
      hint: folderHint(cachedir, cause),
      cause,
    });
  }
}

function unsafe(folder: string, why: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_UNSAFE_PATH', `the cache folder ${folder} ${why}`, {
    hint: `remove it, or set LIBGUESTFS_CACHEDIR to a folder that only you can write`,
  });
}

function folderHint(folder: string, cause: unknown): string {
  switch (codeOf(cause)) {
    case 'ENOENT':
      return `make the folder: mkdir -p ${folder}`;
    case 'ENOSPC':
      return `make room on the disk of ${folder} (df -h ${folder})`;
    default:
      return `make ${folder} writable for you, or choose others with LIBGUESTFS_TMPDIR, LIBGUESTFS_CACHEDIR and XDG_RUNTIME_DIR`;
  }
}
