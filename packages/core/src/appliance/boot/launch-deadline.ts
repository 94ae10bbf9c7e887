import { GuestfsError } from '../../protocol/errors.js';
import { Deadline } from '../../waiting/deadline.js';
import { launchGivenUp } from '../../waiting/give-up.js';
import { explainTimeout } from './failure.js';
import type { LaunchConfig, LaunchContext } from '../config/config.js';

/** The context of a launch that has an end: its signal is the deadline's. */
export interface BoundContext extends LaunchContext {
  readonly deadline: Deadline;
}

/**
 * Runs a whole launch, with everything that goes before it and all that is tried in it, within the launch's timeout.
 *
 * Rejects with ERR_GUESTFS_LAUNCH_TIMEOUT, which tells what was waited for, or with ERR_GUESTFS_CANCELLED when it was
 * given up; only after the launch itself has ended and cleaned up.
 */
export async function withinLaunchTimeout<T>(
  config: Pick<LaunchConfig, 'timeout'>,
  context: LaunchContext,
  launch: (context: BoundContext) => Promise<T>,
): Promise<T> {
  const deadline = new Deadline(config.timeout, {
    signal: context.signal,
    late: (account) => explainTimeout(config.timeout, { console: '', account }),
  });
  const { signal } = deadline;
  try {
    signal.throwIfAborted();
    return await launch(bind(context, deadline));
  } catch (error) {
    if (!signal.aborted) throw error;
    // The launch's own error has the console's last lines, too.
    if (GuestfsError.is(error) && error.code === launchGivenUp(signal).code) throw error;
    throw launchGivenUp(signal);
  } finally {
    deadline.release();
  }
}

/** The context may be an object of any kind, with methods of its own. */
function bind(context: LaunchContext, deadline: Deadline): BoundContext {
  const { tap } = context;
  return {
    deadline,
    signal: deadline.signal,
    phase: (phase) => context.phase(phase),
    console: (bytes) => context.console(bytes),
    log: (line) => context.log(line),
    warn: (line) => context.warn(line),
    progress: (progress) => context.progress(progress),
    ...(tap && { tap }),
  };
}

/** The drives of a launch, for what is told of a wait. */
export function withDrives({ drives }: Pick<LaunchConfig, 'drives'>): string {
  if (drives.length === 0) return 'without drives';
  const named = drives.slice(0, NAMED).map(({ file }) => JSON.stringify(file));
  const more = drives.length > NAMED ? [`${drives.length - NAMED} more`] : [];
  return `with the drive${drives.length === 1 ? '' : 's'} ${[...named, ...more].join(', ')}`;
}

/** As many drives are told by name. */
const NAMED = 8;
