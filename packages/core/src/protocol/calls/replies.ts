import { GuestfsError } from '../errors.js';
import type { Transfer } from '../transfer/transfer.js';
import { readDaemonError } from '../wire/daemon-error.js';
import type { Reader } from '../xdr/reader.js';
import type { PendingCall } from './call.js';
import { daemonFailure, unansweredFailure } from './failures.js';

/** Settles a call that moves no file by what follows the header of its reply. */
export function settleCall(call: PendingCall, reader: Reader, failed: boolean): void {
  try {
    if (failed) call.reject(daemonFailure(call, readDaemonError(reader)));
    else call.resolve(call.codec.decode(reader));
  } catch (error) {
    // The frame was whole, so the connection is still in step.
    call.reject(inCall(call, error));
  }
}

/** Tells a transfer what follows the header of its call's reply. Throws where no reply may come yet. */
export function settleTransfer(call: PendingCall, transfer: Transfer, reader: Reader, failed: boolean): void {
  let outcome: unknown;
  let error: Error | null = null;
  try {
    if (failed) error = daemonFailure(call, readDaemonError(reader));
    else outcome = call.codec.decode(reader);
  } catch (malformed) {
    error = inCall(call, malformed);
  }
  if (!transfer.answerable) {
    const lost = lostSynchronization('a reply before the end of the file', error ?? undefined);
    if (error !== null) call.reject(error);
    throw lost;
  }
  if (error !== null) transfer.failed(error, !failed);
  else transfer.succeeded(outcome);
}

/** The daemon has answered a later call: what it was to say to this one it will not say any more. */
export function settleUnanswered(call: PendingCall): void {
  if (call.transfer !== null) call.transfer.overdue(unansweredFailure(call));
  else call.reject(unansweredFailure(call));
}

/** The two sides do not mean the same bytes any more. */
export function lostSynchronization(message: string, cause?: Error): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_PROTOCOL', `lost synchronization with the daemon: ${message}`, {
    cause,
    hint: 'connect anew; if it happens again, something else reads from or writes to the daemon',
  });
}

/** A reply that could not be read, told as the failure of its call. */
function inCall(call: PendingCall, error: unknown): Error {
  return GuestfsError.is(error) ? error.withCall({ ...call.where(), serial: call.serial }) : (error as Error);
}
