import { GuestfsError } from '../errors.js';
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
  const cleanups: (() => void)[] = [];
  const outcomes: Promise<void>[] = [
    connection.closed.then(({ reason }) => {
      throw reason;
    }),
  ];
  if (timeout !== undefined) outcomes.push(expiry(connection.name, timeout, cleanups));
  if (signal !== undefined) outcomes.push(abortion(connection.name, signal, cleanups));
  if (launchFlag === 'required') outcomes.push(requireFlag(connection.name, launchFlagFirst));
  else if (launchFlag === 'ping') outcomes.push(connection.ping());
  else outcomes.push(Promise.resolve());
  try {
    await Promise.race(outcomes);
  } catch (error) {
    connection.destroy(error as Error);
    throw error;
  } finally {
    for (const cleanup of cleanups) cleanup();
  }
}

function expiry(name: string, timeout: number, cleanups: (() => void)[]): Promise<void> {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => {
      const message = `the daemon at ${name} gave no sign of life within ${timeout} ms`;
      reject(new GuestfsError('ERR_GUESTFS_LAUNCH_TIMEOUT', message));
    }, timeout);
    cleanups.push(() => clearTimeout(timer));
  });
}

function abortion(name: string, signal: AbortSignal, cleanups: (() => void)[]): Promise<void> {
  return new Promise((_, reject) => {
    const abort = (): void => {
      const message = `connecting to ${name} was given up`;
      reject(new GuestfsError('ERR_GUESTFS_CANCELLED', message, { cause: signal.reason }));
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    cleanups.push(() => signal.removeEventListener('abort', abort));
  });
}

async function requireFlag(name: string, launchFlagFirst: Promise<boolean>): Promise<void> {
  if (await launchFlagFirst) return;
  throw new GuestfsError('ERR_GUESTFS_PROTOCOL', `the first word from ${name} was not the launch flag`, {
    hint: 'another client may use this daemon already, or it is not a guestfs daemon',
  });
}
