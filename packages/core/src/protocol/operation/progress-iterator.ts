import type { EventIterator, Progress } from '@guestfs/events';
import { createProgressQueue } from '@guestfs/events/internal';
import type { ProgressObserver } from './control.js';

/** What is iterated over: an operation's control. */
export interface ProgressSource {
  observe(observer: ProgressObserver): void;
  unobserve(observer: ProgressObserver): void;
}

export interface ProgressOptions {
  /** Ends the iterator, not the call; the next read rejects with `ERR_GUESTFS_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Yields the progress of one call, to one consumer.
 *
 * - Subscribed from the moment it is made, and told of the newest message that came before.
 * - Keeps only the newest unread message; the last one of a call is always yielded.
 * - Ends when the call succeeds, and throws once what the call rejects with.
 * - `break`, `throw` and an abort of its signal unsubscribe it; the call goes on.
 */
export type ProgressIterator = EventIterator<Progress>;

export function iterateProgress(source: ProgressSource, { signal }: ProgressOptions = {}): ProgressIterator {
  const queue = createProgressQueue({ signal, onStop: () => source.unobserve(observer) });
  const observer: ProgressObserver = {
    progress: (progress) => queue.push(progress),
    end: (failed, error) => (failed ? queue.fail(error) : queue.end()),
  };
  if (queue.open) source.observe(observer);
  return queue;
}
