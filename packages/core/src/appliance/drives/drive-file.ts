import { accessSync, constants, statSync, type Stats } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { GuestfsError, reasonOf } from '../../protocol/errors.js';
import type { DriveConfig } from '../config/config.js';
import { codeOf } from '../host/system-error.js';
import { hostPath } from './host-path.js';
import { isNetwork } from './protocols.js';

/** What a drive's file turned out to be. */
export type DriveKind = 'file' | 'block-device' | 'null-device' | 'network';

/**
 * Looks at the drive's file when the drive is added: throws the errno (`ENOENT`, `EACCES`) where it cannot be read, and
 * `ERR_GUESTFS_DRIVE` where it is neither a file nor a block device. The rest may change until the launch.
 */
export function checkReadable(drive: DriveConfig): void {
  if (isNetwork(drive) || drive.file === '/dev/null') return;
  const path = hostPath(drive.file);
  let found: Stats;
  try {
    accessSync(path, constants.R_OK);
    found = statSync(path);
  } catch (cause) {
    throw new GuestfsError(
      codeOf(cause) ?? 'ERR_GUESTFS_DRIVE',
      `the disk image ${drive.file} cannot be read: ${reasonOf(cause)}`,
      { hint: codeOf(cause) === 'ENOENT' ? hintFor(cause, drive) : 'make the file readable for you', cause },
    );
  }
  checkKind(drive, found);
}

/** Looks at the drive's file on this host: `ERR_GUESTFS_DRIVE` names it, and says what is wrong and what to do. */
export async function checkDriveFile(drive: DriveConfig): Promise<DriveKind> {
  if (isNetwork(drive)) return 'network';
  if (drive.file === '/dev/null') return 'null-device';
  const path = hostPath(drive.file);
  const found = await stat(path).catch((cause: unknown) => {
    throw driveError(drive, describe(cause), hintFor(cause, drive), cause);
  });
  checkKind(drive, found);
  if (found.isFile() && found.size === 0) {
    throw driveError(
      drive,
      'is empty: a disk has at least one sector',
      'make it larger (truncate -s 1G FILE), or create it with diskCreate',
    );
  }
  await access(path, drive.readonly ? constants.R_OK : constants.R_OK | constants.W_OK).catch((cause: unknown) => {
    throw driveError(drive, describe(cause, drive.readonly ? 'read' : 'written'), hintFor(cause, drive), cause);
  });
  return found.isFile() ? 'file' : 'block-device';
}

function checkKind(drive: DriveConfig, found: Stats): void {
  const hint = 'give a disk image or a block device';
  if (found.isDirectory()) throw driveError(drive, 'is a directory', hint);
  if (!found.isFile() && !found.isBlockDevice()) throw driveError(drive, 'is neither a file nor a block device', hint);
}

/** An error about one drive. */
export function driveError(
  drive: DriveConfig,
  what: string,
  hint: string,
  cause?: unknown,
  log?: string,
): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_DRIVE', `the drive ${quote(drive.file)} ${what}`, { hint, cause, log });
}

function describe(cause: unknown, doing = 'opened'): string {
  switch (codeOf(cause)) {
    case 'ENOENT':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return `may not be ${doing} by this user`;
    case 'EROFS':
      return 'is on a read-only filesystem';
    default:
      return `cannot be opened (${codeOf(cause) ?? 'unknown error'})`;
  }
}

function hintFor(cause: unknown, drive: DriveConfig): string {
  switch (codeOf(cause)) {
    case 'ENOENT':
      return 'correct the name, or create the disk first with diskCreate';
    case 'EROFS':
      return 'add it with readonly: true';
    default:
      return drive.readonly
        ? 'make the file readable for you'
        : 'make the file writable for you, or add it with readonly: true';
  }
}

function quote(text: string): string {
  return JSON.stringify(text);
}
