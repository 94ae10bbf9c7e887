import { GuestfsError } from '@guestfs/core';

/** The errors of calls that come at the wrong time. */
export function closedError(operation: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_CLOSED', 'the handle is closed', { operation, hint: 'make a new one' });
}

export function notLaunchedError(operation: string): GuestfsError {
  const hint = 'call `launch` first; if it was launched, its appliance has ended';
  return new GuestfsError('ERR_GUESTFS_STATE', 'no appliance runs', { operation, hint });
}

export function launchedError(operation: string): GuestfsError {
  const hint = 'call it before `launch`';
  return new GuestfsError('ERR_GUESTFS_STATE', 'the handle is launched already', { operation, hint });
}
