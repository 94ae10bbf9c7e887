import { GuestfsError } from '@guestfs/core';
import type { DriveConfig } from '@guestfs/core';
import { checkDriveCount, makeDrive, MAXIMUM_DRIVES } from '@guestfs/core/appliance';
import type { AddDriveOptions, AddDriveScratchOptions } from '../../generated/options.js';
import type { Handle } from '../../handle/handle.js';
import type { DriveOptions } from '../../options.js';

export function addDrive(handle: Handle, filename: string, options: AddDriveOptions): void {
  handle.requireConfig('addDrive');
  appendDrives(handle, [makeDrive(filename, options)]);
}

/** Adds drives to those of the next launch, all or none. */
export function appendDrives({ drives }: Handle, added: readonly DriveConfig[]): void {
  checkDriveCount(drives.length + added.length);
  drives.push(...added);
}

/** What `addDrive` takes for a drive. */
export function toAddDrive({ servers, temporary: _temporary, ...rest }: DriveConfig): DriveOptions {
  return { ...rest, server: servers };
}

export const addDriveRo = (handle: Handle, filename: string): void => addDrive(handle, filename, { readonly: true });
export const addCdrom = addDriveRo;

export const addDriveWithIf = (handle: Handle, filename: string, iface: string): void =>
  addDrive(handle, filename, { iface });
export const addDriveRoWithIf = (handle: Handle, filename: string, iface: string): void =>
  addDrive(handle, filename, { iface, readonly: true });

export function addDriveScratch(handle: Handle, size: bigint | number, options: AddDriveScratchOptions): void {
  const operation = 'addDriveScratch';
  handle.requireConfig(operation);
  const bytes = BigInt(size);
  if (bytes <= 0n || bytes > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `a scratch disk cannot have ${bytes} bytes`, { operation });
  }
  const settings = { ...options, format: 'raw', cachemode: 'unsafe' };
  // Checked before the file is made.
  checkDriveCount(handle.drives.length + 1);
  makeDrive('/dev/null', settings);
  appendDrives(handle, [{ ...makeDrive(handle.addScratch(bytes), settings), temporary: true }]);
}

export function removeDrive(_handle: Handle, _label: string): never {
  throw new GuestfsError('ERR_GUESTFS_UNSUPPORTED', 'a drive cannot be removed', {
    operation: 'removeDrive',
    hint: 'make a new handle with the drives you want',
  });
}

export const maxDisks = (): number => MAXIMUM_DRIVES;
