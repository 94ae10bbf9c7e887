import { GuestfsError } from '@guestfs/core';

/**
 * Splits an entry's name (its bytes, each a character up to U+00FF) into the names below the target folder.
 *
 * `.` and doubled slashes are dropped, so the target folder itself is an empty list. Throws ERR_GUESTFS_UNSAFE_PATH for
 * an absolute name and for one with `..`.
 */
export function safeComponents(name: string, operation: string): string[] {
  if (name.startsWith('/')) throw unsafePath(operation, name, 'is an absolute name');
  const components = name.split('/').filter((part) => part !== '' && part !== '.');
  if (components.includes('..')) throw unsafePath(operation, name, "has '..' in it");
  if (name.includes('\0')) throw unsafePath(operation, name, 'has a NUL in it');
  return components;
}

/** The error for an entry that would be written outside the target folder. */
export function unsafePath(operation: string, name: string, why: string): GuestfsError {
  const shown = Buffer.from(name, 'latin1').toString();
  return new GuestfsError('ERR_GUESTFS_UNSAFE_PATH', `the guest sent '${shown}', which ${why}`, {
    operation,
    hint: 'nothing was written outside the target folder; do not trust this guest, and copy single files with download',
  });
}
