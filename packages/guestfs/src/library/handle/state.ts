import { GuestfsError } from '@guestfs/core';
import type { Version } from '@guestfs/core';
import type { Run } from '../../call/run.js';
import { untilCancelled } from '../../call/operations.js';
import type { Handle, HandleState } from '../../handle/handle.js';
import { VERSION } from '../../version.js';

export function launch(run: Run): Promise<void> {
  run.hold();
  return run.handle.launch(run.control);
}

/** It cannot be stopped: one that is cancelled goes on, and what is issued then still waits for it. */
export function shutdown(run: Run): Promise<void> {
  const release = run.handle.order.hold();
  return untilCancelled(run.control, run.handle.shutdown().finally(release));
}

export const killSubprocess = shutdown;

export const isConfig = (handle: Handle): boolean => handle.state === 'config';
export const isLaunching = (handle: Handle): boolean => handle.state === 'launching';
export const isReady = (handle: Handle): boolean => handle.state === 'ready';
export const isBusy = (): boolean => false;

/** Upstream's numbers. */
const STATES: Readonly<Record<HandleState, number>> = { config: 0, launching: 1, ready: 2, closed: 0 };

export const getState = (handle: Handle): number => STATES[handle.state];

/** Only while the appliance runs is there a connection. */
export const waitReady = (handle: Handle): void => void handle.requireConnection('waitReady');

export function getPid(handle: Handle): number {
  const { session } = handle;
  const operation = 'getPid';
  if (session === null) throw new GuestfsError('ERR_GUESTFS_STATE', 'no appliance runs', { operation });
  if (session.pid === null) throw new GuestfsError('ENOTSUP', 'this backend started no process', { operation });
  return session.pid;
}

export function userCancel(handle: Handle): void {
  for (const transfer of [...handle.transfers]) transfer.cancel(new Error('userCancel was called'));
}

export function version(_handle: Handle): Version {
  const [major = 0, minor = 0, release = 0] = (VERSION.split('-')[0] ?? '').split('.').map(Number);
  const extra = VERSION.includes('-') ? VERSION.slice(VERSION.indexOf('-')) : '';
  return { major: BigInt(major), minor: BigInt(minor), release: BigInt(release), extra };
}
