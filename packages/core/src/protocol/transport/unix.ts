import { connect, type Socket } from 'node:net';
import { onAbort } from '@guestfs/events/internal';
import { GuestfsError } from '../errors.js';
import { Inbox } from './inbox.js';
import { SocketTransport } from './socket.js';

export interface ConnectUnixOptions {
  /** Gives the attempt up; the returned promise then rejects with ERR_GUESTFS_CANCELLED. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects to a daemon that listens on a Unix socket.
 *
 * Rejects with a GuestfsError, code ERR_GUESTFS_ATTACH, when nobody listens there or it may not be used.
 */
export function connectUnix(path: string, options: ConnectUnixOptions = {}): Promise<SocketTransport> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(givenUp(path, signal.reason));
    let socket: Socket;
    let withdraw = (): void => undefined;
    const settle = (): void => {
      withdraw();
      socket.off('error', onError);
    };
    const giveUp = (): void => {
      settle();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(givenUp(path, signal?.reason));
    };
    const onError = (error: NodeJS.ErrnoException): void => {
      settle();
      reject(refused(path, error));
    };
    const inbox = new Inbox();
    const options = { path, onread: inbox.onread };
    try {
      socket = connect(options, () => {
        settle();
        resolve(new SocketTransport(socket, `unix:${path}`, inbox));
      });
    } catch (error) {
      // A path that no socket can have: too long, or with a NUL in it.
      return reject(refused(path, error as NodeJS.ErrnoException));
    }
    socket.on('error', onError);
    if (signal !== undefined) withdraw = onAbort(signal, giveUp);
  });
}

const HINTS: Record<string, string> = {
  ENOENT: 'check the path, and that the daemon or the virtual machine is running',
  ECONNREFUSED: 'nobody listens on this socket any more: start the daemon anew',
  EACCES: 'run as a user who may write to the socket',
  EAGAIN: 'the daemon serves one connection at a time: close the other one',
};

function refused(path: string, cause: NodeJS.ErrnoException): GuestfsError {
  const hint = HINTS[cause.code ?? ''] ?? 'check that the path names the Unix socket of a guestfs daemon';
  return new GuestfsError('ERR_GUESTFS_ATTACH', `cannot connect to ${path}: ${cause.message}`, { cause, hint });
}

function givenUp(path: string, reason: unknown): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_CANCELLED', `connecting to ${path} was given up`, { cause: reason });
}
