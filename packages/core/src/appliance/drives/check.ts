import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { GuestfsError } from '../../protocol/errors.js';
import type { DriveConfig } from '../config/config.js';
import { codeOf } from '../host/system-error.js';
import { hostPath } from './host-path.js';

/** The most disks that one appliance takes. */
export const MAXIMUM_DRIVES = 255;

/** What a drive's file turned out to be. */
export type DriveKind = 'file' | 'block-device' | 'null-device' | 'network';

/** Refuses what no appliance could take, from the words alone: `ERR_GUESTFS_ARGUMENT` names the drive and the word. */
export function checkDriveWords(drive: DriveConfig): void {
  const refuse = (what: string, hint: string): never => {
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `the drive ${quote(drive.file)} ${what}`, { hint });
  };
  if (drive.file.includes('\0')) refuse('has a zero byte in its name', 'no file can be named so');
  if (drive.format !== undefined && !/^[A-Za-z0-9_-]+$/.test(drive.format)) {
    refuse(`has the format ${quote(drive.format)}`, 'a format is a word like raw or qcow2');
  }
  if (drive.label !== undefined && !/^[A-Za-z]{1,20}$/.test(drive.label)) {
    refuse(`has the label ${quote(drive.label)}`, 'a label has 1 to 20 letters of the English alphabet');
  }
  if (drive.blocksize !== undefined && drive.blocksize !== 512 && drive.blocksize !== 4096) {
    refuse(`has the block size ${drive.blocksize}`, 'the block size is 512 or 4096');
  }
  if (drive.readonly && drive.discard === 'enable') {
    refuse('is read-only and has discard enabled', 'leave out one of the two, or use discard: besteffort');
  }
  if (drive.discard === 'enable' && drive.format !== 'raw' && drive.format !== 'qcow2') {
    refuse('has discard enabled and no format that can do it', 'give format: raw or qcow2, or use discard: besteffort');
  }
  if (isNetwork(drive)) return;
  if ((drive.servers?.length ?? 0) > 0 || drive.username !== undefined || drive.secret !== undefined) {
    refuse('is a file with a server, a user name or a secret', 'give the protocol too, or leave these out');
  }
  if (drive.file === '/dev/null' && drive.format !== undefined && drive.format !== 'raw') {
    refuse(`has the format ${drive.format}`, 'the format of /dev/null is raw');
  }
}

/** Looks at the drive's file on this host: `ERR_GUESTFS_DRIVE` names it, and says what is wrong and what to do. */
export async function checkDriveFile(drive: DriveConfig): Promise<DriveKind> {
  if (isNetwork(drive)) return 'network';
  if (drive.file === '/dev/null') return 'null-device';
  const path = hostPath(drive.file);
  const found = await stat(path).catch((cause: unknown) => {
    throw driveError(drive, describe(cause), hintFor(cause, drive), cause);
  });
  if (found.isDirectory()) throw driveError(drive, 'is a folder', 'give a disk image or a block device');
  if (!found.isFile() && !found.isBlockDevice())
    throw driveError(drive, 'is neither a file nor a block device', 'give a disk image or a block device');
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

export function isNetwork(drive: DriveConfig): boolean {
  return drive.protocol !== undefined && drive.protocol !== 'file';
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
