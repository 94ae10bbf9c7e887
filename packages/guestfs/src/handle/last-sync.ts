import { GuestfsError } from '@guestfs/core';
import type { Connection } from '@guestfs/core';
import { describeCancelled, procedures } from '@guestfs/core/internal';

/**
 * After so many milliseconds the kernel of the appliance has written back what was written before, by itself: it takes
 * what is older than 30 seconds, and looks every 5.
 */
const WRITTEN_BACK = 40_000;
/** What a call that was cancelled gets to end where nothing can be lost, in milliseconds. */
const GRACE = 1_000;
/** How often is looked what the daemon is at, in milliseconds. */
const STEP = 100;

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

function notSynced(cancelled: string): GuestfsError {
  return new GuestfsError('ETIMEDOUT', `the daemon did not come to it for ${cancelled}`, {
    hint: 'what earlier calls had written is on the disks, for the kernel of the appliance writes that back by itself; the filesystems were not unmounted',
  });
}
