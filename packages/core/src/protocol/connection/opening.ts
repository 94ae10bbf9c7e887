import { GuestfsError } from '../errors.js';
import { unlessAborted } from '../../waiting/give-up.js';
import { within } from '../../waiting/within.js';
import type { ConnectionEnd, ConnectionOptions } from './options.js';

/** What is asked of a connection while it opens. */
interface OpeningConnection {
  readonly name: string;
  readonly closed: Promise<ConnectionEnd>;
  ping(): Promise<void>;
  destroy(reason: Error): void;
}

/** Waits until the daemon is known to be up; destroys the connection when it is not. */
export async function waitUntilUp(
  connection: OpeningConnection,
  launchFlagFirst: Promise<boolean>,
  options: ConnectionOptions,
): Promise<void> {
  const { launchFlag, timeout, signal } = options;
  const refused = connection.closed.then(({ reason }) => {
    throw reason;
  });
  const up =
    launchFlag === 'required'
      ? requireFlag(connection.name, launchFlagFirst)
      : launchFlag === 'ping'
        ? connection.ping()
        : Promise.resolve();
  try {
    const outcome = unlessAborted(Promise.race([refused, up]), signal);
    await (timeout === undefined ? outcome : within(timeout, outcome, () => late(connection.name, timeout)));
  } catch (error) {
    const failure = signal?.aborted === true && error === signal.reason ? givenUp(connection.name, signal) : error;
    connection.destroy(failure as Error);
    throw failure;
  }
}

function late(name: string, timeout: number): GuestfsError {
  const message = `the daemon at ${name} gave no sign of life within ${timeout} ms`;
  return new GuestfsError('ERR_GUESTFS_LAUNCH_TIMEOUT', message);
}

function givenUp(name: string, signal: AbortSignal): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_CANCELLED', `connecting to ${name} was given up`, { cause: signal.reason });
}

async function requireFlag(name: string, launchFlagFirst: Promise<boolean>): Promise<void> {
  if (await launchFlagFirst) return;
  throw new GuestfsError('ERR_GUESTFS_PROTOCOL', `the first word from ${name} was not the launch flag`, {
    hint: 'another client may use this daemon already, or it is not a guestfs daemon',
  });
}
