import { randomBytes } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { resolve } from 'node:path';
import { GuestfsError, type Backend } from '@guestfs/core';
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
      try {
        const session = await inner.launch(config, { ...context, tap: recorder });
        const done = session.ended.then(async () => {
          const { calls, secrets } = recorder.finish();
          await part.complete();
          return { file: path, calls, secretsLeftOut: secrets };
        });
        done.then(
          ({ calls, secretsLeftOut }) =>
            context.log(
              `recorded ${calls} calls in ${path}${secretsLeftOut.length > 0 ? `; left out: ${secretsLeftOut.join(', ')}` : ''}`,
            ),
          (error: unknown) => context.warn((error as Error).message),
        );
        finish(done);
        return session;
      } catch (error) {
        await part.discard();
        throw error;
      }
    },
  };
}

/** A file that is there only when it is whole. */
class PartFile {
  readonly #path: string;
  readonly #part: string;
  readonly #stream: WriteStream;
  #failure: Error | null = null;

  constructor(path: string) {
    this.#path = path;
    this.#part = `${path}.${randomBytes(8).toString('hex')}.part`;
    // What another user put there, a link say, is never written through.
    this.#stream = createWriteStream(this.#part, { mode: 0o600, flags: 'wx' });
    this.#stream.on('error', (error) => (this.#failure = error));
  }

  write(bytes: Uint8Array): void {
    if (this.#failure === null) this.#stream.write(bytes);
  }

  async complete(): Promise<void> {
    try {
      if (this.#failure !== null) throw this.#failure;
      this.#stream.end();
      await finished(this.#stream);
      await rename(this.#part, this.#path);
    } catch (cause) {
      await rm(this.#part, { force: true });
      throw new GuestfsError(
        'ERR_GUESTFS_RECORDING',
        `the recording ${this.#path} could not be written: ${(cause as Error).message}`,
        {
          hint: 'check the folder, your rights to it, and the room on its disk',
          cause,
        },
      );
    }
  }

  async discard(): Promise<void> {
    this.#stream.destroy();
    await finished(this.#stream).catch(() => undefined);
    await rm(this.#part, { force: true });
  }
}
