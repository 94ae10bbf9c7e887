import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GuestfsError } from '@guestfs/core';
import { checkSocketPath, codeOf } from '@guestfs/core/appliance';

const WRITABLE_BY_OTHERS = 0o002;
const STICKY = 0o1000;

/**
 * Refuses a path that no daemon of this user can be listening on. A path where nothing is yet passes.
 *
 * Throws `ERR_GUESTFS_ATTACH` for what is not a socket, and `ERR_GUESTFS_UNSAFE_PATH` for a socket of another user (but
 * for root's), or one that others could have put there or written to: a daemon sees all data and passwords of its client.
 */
export async function checkSocket(path: string, allowOtherOwner = false): Promise<void> {
  // eslint-disable-next-line no-control-regex -- that is what is refused
  if (path === '' || /\u0000/.test(path)) {
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `${JSON.stringify(path)} can be no socket's path`, {
      hint: 'write unix:/path/of/the/socket',
    });
  }
  checkSocketPath(path);
  const found = await look(path);
  if (found === null) return;
  if (!found.isSocket()) {
    const kind = found.isDirectory() ? 'a directory' : found.isFile() ? 'a file' : 'no socket';
    throw new GuestfsError('ERR_GUESTFS_ATTACH', `${path} is ${kind}`, {
      hint: 'give the path of the socket on which guestfsd or qemu listens',
    });
  }
  const uid = process.geteuid?.();
  if (allowOtherOwner || uid === undefined) return;
  if (found.uid !== uid && found.uid !== 0) throw unsafe(path, `belongs to user ${found.uid}`);
  if ((found.mode & WRITABLE_BY_OTHERS) !== 0) throw unsafe(path, 'can be used by every user of this machine');
  const folder = await stat(dirname(path));
  if ((folder.mode & WRITABLE_BY_OTHERS) !== 0 && (folder.mode & STICKY) === 0) {
    throw unsafe(path, 'lies in a directory where every user can put another one in its place');
  }
}

async function look(path: string) {
  try {
    return await stat(path);
  } catch (cause) {
    if (
      codeOf(cause) === 'ENOENT' &&
      (await stat(dirname(path)).then(
        (folder) => folder.isDirectory(),
        () => false,
      ))
    )
      return null;
    throw new GuestfsError(
      'ERR_GUESTFS_ATTACH',
      `the socket ${path} cannot be looked at: ${(cause as Error).message}`,
      {
        hint: 'check the path, and your rights to its directories',
        cause,
      },
    );
  }
}

function unsafe(path: string, why: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_UNSAFE_PATH', `the socket ${path} ${why}`, {
    hint: 'if you trust the daemon behind it, set the backend setting allow_other_owner',
  });
}
