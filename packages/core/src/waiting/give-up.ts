import { onAbort } from '@guestfs/events/internal';
import { GuestfsError } from '@guestfs/events';

/** The result of some work; rejects with the signal's reason as soon as it is aborted. The work then goes on unheard. */
export async function unlessAborted<T>(work: PromiseLike<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let withdraw = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    withdraw = onAbort(signal, () => reject(signal.reason as Error));
  });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    withdraw();
    // Whichever of the two rejects later has nobody who hears of it.
    Promise.resolve(work).catch(() => undefined);
    aborted.catch(() => undefined);
  }
}

/** Waits; rejects with the signal's reason when it is aborted meanwhile. Keeps the process alive unless told otherwise. */
export async function pause(
  milliseconds: number,
  { signal, ref = true }: { readonly signal?: AbortSignal | undefined; readonly ref?: boolean } = {},
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await unlessAborted(
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, milliseconds);
        if (!ref) timer.unref();
      }),
      signal,
    );
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The error of a launch whose signal is aborted: what a {@link Deadline} says when the time was up, otherwise that its
 * user gave it up.
 */
export function launchGivenUp(signal: AbortSignal): GuestfsError {
  const reason: unknown = signal.reason;
  if (GuestfsError.is(reason) && reason.code === 'ERR_GUESTFS_LAUNCH_TIMEOUT') return reason;
  if (GuestfsError.is(reason) && reason.code === 'ERR_GUESTFS_CANCELLED' && reason.operation === 'launch')
    return reason;
  return new GuestfsError('ERR_GUESTFS_CANCELLED', 'the launch was given up', { operation: 'launch', cause: reason });
}
