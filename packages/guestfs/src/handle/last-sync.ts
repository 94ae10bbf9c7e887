import { GuestfsError, reasonOf } from '@guestfs/core';
import type { Connection } from '@guestfs/core';
import { describeCancelled, procedures } from '@guestfs/core/protocol';

/**
 * After so many milliseconds the kernel of the appliance has written back what was written before, by itself: it takes
 * what is older than 30 seconds, and looks every 5.
 */
const WRITTEN_BACK = 40_000;
/** What a call that was cancelled gets to end where nothing can be lost, in milliseconds. */
const GRACE = 1_000;
/** How often is looked what the daemon is at, in milliseconds. */
const STEP = 100;
/** As many calls are told by name. */
const TOLD = 5;

/**
 * Has the daemon write everything out before it is ended. That cannot be done while it is at a call that was cancelled,
 * which may take for ever: such a call is waited for until it has run so long that all before it was written anyhow.
 *
 * Rejects when a sync that was needed could not be made.
 */
export async function syncBeforeEnd(connection: Connection, mayLose: boolean): Promise<void> {
  const giveUp = new AbortController();
  const { signal } = giveUp;
  const begin = performance.now();
  const timer = setInterval(() => {
    const cancelled = connection.cancelledCall;
    if (cancelled === null) return;
    const enough = mayLose ? cancelled.elapsed > WRITTEN_BACK : performance.now() - begin > GRACE;
    if (enough) giveUp.abort(notSynced(describeCancelled(cancelled)));
  }, STEP);
  try {
    await connection.call(procedures.internalAutosync, [], undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    if (mayLose) throw signal.reason as GuestfsError;
  } finally {
    clearInterval(timer);
  }
}

/**
 * The same without the event loop, which does not run any more when a process exits: until a time, of `performance.now()`.
 * Warns of what is then missing on the disks.
 */
export function syncNow(connection: Connection, deadline: number, warn: (line: string) => void): void {
  const { failure, dropped: all } = connection.callSync(procedures.internalAutosync, deadline);
  // Not the one of a close that is under way.
  const dropped = all.filter((name) => name !== procedures.internalAutosync.name);
  if (dropped.length > 0) {
    const more = dropped.length > TOLD ? `, and ${dropped.length - TOLD} more` : '';
    warn(`the process exits before these calls are done: ${dropped.slice(0, TOLD).join(', ')}${more}`);
  }
  if (failure !== null) warn(unwritten(failure));
}

/** What is told where the process ends and the last sync failed. */
export function unwritten(error: unknown): string {
  return `the process ends, and the disks could not be written out: ${reasonOf(error)}`;
}

function notSynced(cancelled: string): GuestfsError {
  return new GuestfsError('ETIMEDOUT', `the daemon did not come to it for ${cancelled}`, {
    hint: 'what earlier calls had written is on the disks, for the kernel of the appliance writes that back by itself; the filesystems were not unmounted',
  });
}
