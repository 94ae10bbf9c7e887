import { recordingBackend } from '@guestfs/attach';
import type { RecordingSummary, RecordOptions } from '@guestfs/attach';
import { absolutePath } from '@guestfs/core/appliance';
import type { Guestfs } from './guestfs.js';
import { handleOf } from './handle/registry.js';

/** A recording under way. */
export interface SessionRecording {
  /**
   * Resolves when the session has ended and the file is complete; then nothing more is recorded.
   *
   * Rejects with `ERR_GUESTFS_RECORDING` when the file could not be written, and with `ERR_GUESTFS_CLOSED` when the handle
   * is closed without having been launched.
   */
  readonly finished: Promise<RecordingSummary>;
}

/**
 * Records the next session of a handle into a file, for the backend `replay:FILE`: all calls and all answers.
 *
 * Call it before `launch`. Keys and passwords given as arguments are left out, and named in the summary and in the library
 * events; everything read from the disks is in the file, which only its owner may read. Uploads are kept as hashes.
 */
export function recordSession(g: Guestfs, file: string, options: RecordOptions = {}): SessionRecording {
  const handle = handleOf(g);
  handle.requireConfig('recordSession');
  // At once: the program may change its folder before it launches.
  const path = absolutePath(file);
  let settle!: (end: Promise<RecordingSummary>) => void;
  const finished = new Promise<RecordingSummary>((resolve) => (settle = resolve));
  // A program that does not ask how the recording ended is told by a warning event.
  finished.catch(() => undefined);
  handle.recordNext((backend) => recordingBackend(backend, path, options, settle), settle);
  return { finished };
}
