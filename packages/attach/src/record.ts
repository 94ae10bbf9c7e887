import { randomBytes } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { GuestfsError, type Backend, type LaunchContext, type Session } from '@guestfs/core';
import { registerLive } from '@guestfs/core/appliance';
import { encodeSessionRecord } from './replay/records.js';
import { Recorder, summarize } from './replay/recorder.js';

export interface RecordOptions {
  /**
   * Whether a replay checks that uploads have the same content, which is kept only as a hash; default true. Archives
   * made from host files hold their times: set this to false where those change.
   */
  readonly compareUploads?: boolean | undefined;
}

/** What a finished recording holds. */
export interface RecordingSummary {
  /** Its path. */
  readonly file: string;
  readonly calls: number;
  /** The keys and passwords that were left out, as `method.argument`. */
  readonly secretsLeftOut: readonly string[];
}

/**
 * A backend that records the session of another one into a file, which appears when the session ends.
 *
 * `finished` gets the summary, or rejects with `ERR_GUESTFS_RECORDING` when the file could not be written; the session
 * itself goes on then. Only the owner may read the file: it holds what was read from the disks.
 */
export function recordingBackend(
  inner: Backend,
  file: string,
  options: RecordOptions,
  finish: (end: Promise<RecordingSummary>) => void,
): Backend {
  const path = resolve(file);
  return {
    name: inner.name,
    async launch(config, context) {
      const part = new PartFile(path);
      const recorder = new Recorder((record) => part.write(encodeSessionRecord(record)));
      recorder.begin(summarize(config.drives), options.compareUploads ?? true);
      let session: Session | null = null;
      const complete = (): RecordingSummary => {
        unregister();
        return tell(context, () => {
          const { calls, secrets } = recorder.finish();
          part.complete();
          return { file: path, calls, secretsLeftOut: secrets };
        });
      };
      const unregister = registerLive({
        ended: () => {
          try {
            if (session === null) part.discard();
            else complete();
          } catch {
            // It has been told.
          }
        },
      });
      try {
        session = await inner.launch(config, { ...context, tap: recorder });
        finish(session.ended.then(complete));
        return session;
      } catch (error) {
        unregister();
        part.discard();
        throw error;
      }
    },
  };
}

/** Completes a recording, and tells how that went. */
function tell(context: LaunchContext, complete: () => RecordingSummary): RecordingSummary {
  try {
    const summary = complete();
    const { file, calls, secretsLeftOut } = summary;
    const left = secretsLeftOut.length > 0 ? `; left out: ${secretsLeftOut.join(', ')}` : '';
    context.log(`recorded ${calls} calls in ${file}${left}`);
    return summary;
  } catch (error) {
    context.warn((error as Error).message);
    throw error;
  }
}

/** A file that is there only when it is whole. It is written at once, so that nothing is lost where the process exits. */
class PartFile {
  readonly #path: string;
  readonly #part: string;
  #file: number | null = null;
  #failure: { readonly cause: unknown } | null = null;

  constructor(path: string) {
    this.#path = path;
    this.#part = `${path}.${randomBytes(8).toString('hex')}.part`;
    // What another user put there, a link say, is never written through.
    this.#attempt(() => (this.#file = openSync(this.#part, 'wx', 0o600)));
  }

  write(bytes: Uint8Array): void {
    if (this.#failure !== null) return;
    this.#attempt(() => {
      for (let at = 0; at < bytes.length && this.#file !== null;) at += writeSync(this.#file, bytes, at);
    });
  }

  complete(): void {
    this.#close();
    if (this.#failure === null) this.#attempt(() => renameSync(this.#part, this.#path));
    if (this.#failure === null) return;
    const { cause } = this.#failure;
    this.discard();
    throw new GuestfsError(
      'ERR_GUESTFS_RECORDING',
      `the recording ${this.#path} could not be written: ${(cause as Error).message}`,
      {
        hint: 'check the directory, your rights to it, and the room on its disk',
        cause,
      },
    );
  }

  discard(): void {
    this.#close();
    rmSync(this.#part, { force: true });
  }

  #close(): void {
    const file = this.#file;
    this.#file = null;
    if (file !== null) this.#attempt(() => closeSync(file));
  }

  /** Keeps the first failure for the end. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (cause) {
      this.#failure ??= { cause };
    }
  }
}
