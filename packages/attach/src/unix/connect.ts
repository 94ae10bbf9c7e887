import { connectUnix, type GuestfsError, type SocketTransport } from '@guestfs/core';
import { codeOf, pause } from '@guestfs/core/appliance';

/** What a daemon that is just starting, or one whose client is just leaving, answers with. */
const PASSING = ['ENOENT', 'ECONNREFUSED', 'EAGAIN'];
/** Milliseconds between two attempts, growing from the first to the second. */
const [FIRST_WAIT, LONGEST_WAIT] = [20, 250];

export interface ConnectOptions {
  /** Milliseconds for which refusals are taken as passing. */
  readonly retryTime: number;
  readonly signal: AbortSignal;
  readonly log?: (line: string) => void;
}

/** Connects to a socket, trying again while nobody listens there. Rejects with `ERR_GUESTFS_ATTACH`, or when aborted. */
export async function connectWithRetry(path: string, options: ConnectOptions): Promise<SocketTransport> {
  const { retryTime, signal, log } = options;
  const deadline = performance.now() + retryTime;
  for (let wait = FIRST_WAIT, attempt = 1; ; wait = Math.min(wait * 2, LONGEST_WAIT), attempt++) {
    try {
      return await connectUnix(path, { signal });
    } catch (error) {
      const cause = codeOf((error as GuestfsError).cause);
      const left = deadline - performance.now();
      if (cause === undefined || !PASSING.includes(cause) || left <= 0) throw error;
      log?.(`unix:${path}: ${cause} at attempt ${attempt}, trying again`);
      await pause(Math.min(wait, left), { signal }).catch(() => undefined);
    }
  }
}
