import { GuestfsError } from '@guestfs/core';
import type { AddDriveOptions, AddDriveScratchOptions } from '../generated/options.js';
import { makeDrive } from '../handle/drive.js';
import type { Handle } from '../handle/handle.js';

/** The most drives that an appliance takes. */
const MAX_DISKS = 255;

export function addDrive(handle: Handle, filename: string, options: AddDriveOptions): void {
  handle.requireConfig('addDrive');
  handle.drives.push(makeDrive(filename, options));
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
  makeDrive('/dev/null', settings);
  handle.drives.push({ ...makeDrive(handle.addScratch(bytes), settings), temporary: true });
}

export function removeDrive(_handle: Handle, _label: string): never {
  throw new GuestfsError('ERR_GUESTFS_UNSUPPORTED', 'a drive cannot be removed', {
    operation: 'removeDrive',
    hint: 'make a new handle with the drives you want',
  });
}

export const maxDisks = (): number => MAX_DISKS;
