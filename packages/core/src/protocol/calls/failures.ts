import { GuestfsError, reasonOf } from '../errors.js';
import type { GuestfsErrorFields } from '../errors.js';
import type { DaemonError } from '../wire/daemon-error.js';
import { whySilent } from '../transfer/endings.js';
import type { PendingCall } from './call.js';

const ERRNO_NAME = /^E[A-Z0-9]+$/;

/** What a daemon says, without an errno, to a function or an option that came after it. */
const TOO_OLD = /unknown procedure number|unknown option in optional arguments bitmask/;

export function daemonFailure(call: PendingCall, error: DaemonError): GuestfsError {
  const where = { ...call.where(), serial: call.serial };
  if (TOO_OLD.test(error.message)) return tooOldFailure(error, where);
  const code = ERRNO_NAME.test(error.errno) ? error.errno : 'ERR_GUESTFS_DAEMON';
  return new GuestfsError(code, error.message, where);
}

function tooOldFailure(error: DaemonError, where: GuestfsErrorFields): GuestfsError {
  const what = error.message.includes('unknown procedure number') ? 'this function' : 'one of the options given';
  return new GuestfsError('ERR_GUESTFS_NOT_AVAILABLE', `the daemon in the appliance does not know ${what}`, {
    ...where,
    hint: `use an appliance that is new enough (the function's documentation says since when), or do without ${what}.`,
    cause: new Error(error.message),
  });
}

export function unansweredFailure(call: PendingCall): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_DAEMON', 'the daemon gave no answer to this call and went on to the next', {
    ...call.where(),
    serial: call.serial,
    hint:
      whySilent(call.procedure) ?? "the daemon's log may tell why: turn `verbose` on and listen to 'appliance' events",
  });
}

export function transferFailure(call: PendingCall, message: string, cause?: unknown): GuestfsError {
  const why = cause instanceof Error ? `: ${reasonOf(cause)}` : '';
  return new GuestfsError('ERR_GUESTFS_TRANSFER', `${message}${why}`, { ...call.where(), serial: call.serial, cause });
}

/** What a call rejects with when the connection is not there (any more). */
export function endedFailure(call: PendingCall, reason: GuestfsError): GuestfsError {
  if (reason.code === 'ERR_GUESTFS_CLOSED')
    return new GuestfsError(reason.code, 'the connection is closed', call.where());
  const serial = call.serial === 0 ? undefined : call.serial;
  // A replay that parted is no loss: what to do about it is another thing.
  if (GuestfsError.is(reason.cause) && reason.cause.code === 'ERR_GUESTFS_REPLAY') {
    const { code, reason: why, hint } = reason.cause;
    return new GuestfsError(code, why, { ...call.where(), serial, hint });
  }
  const { code, reason: why, hint, log, cause } = reason;
  return new GuestfsError(code, why, { ...call.where(), serial, hint, log, cause });
}

export function closedReason(): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_CLOSED', 'the connection was closed');
}

export function lostReason(name: string, cause: Error | undefined): GuestfsError {
  const why = cause === undefined ? 'the daemon closed the connection' : reasonOf(cause);
  const { hint, log } = GuestfsError.is(cause) ? cause : {};
  return new GuestfsError('ERR_GUESTFS_CONNECTION_LOST', `the connection to ${name} was lost: ${why}`, {
    hint,
    log,
    cause,
  });
}
