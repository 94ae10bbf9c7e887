import type { Writable } from 'node:stream';
import type { GuestfsEventSource } from '../emitter.js';
import { reasonOf, GuestfsError } from '../errors.js';
import { GUESTFS_EVENT } from '../events.js';
import type { GuestfsEvent } from '../events.js';
import { openRecordingFile } from './file.js';
import { encodeFrame, encodeHeader } from './frames.js';

export interface RecordEventsOptions {
  /** The classes to record. Default all. */
  mask?: number | undefined;
  /** Whether to continue a recording that the file holds. Default true; false writes over it. */
  append?: boolean | undefined;
  /** How many bytes may wait for a slow disk or stream before events are dropped and counted. Default 64 MiB. */
  maxQueuedBytes?: number | undefined;
}

/** A recording that goes on until `stop()` or until the handle is closed. */
export interface EventRecording extends AsyncDisposable {
  /** Events written so far. */
  readonly events: number;
  /** Events lost so far because writing was too slow; the recording says where. */
  readonly dropped: number;
  /** Why the recording broke off, if it did. */
  readonly error: GuestfsError | undefined;
  /** Ends it and resolves once all is written; rejects with `ERR_GUESTFS_RECORDING` where writing failed. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Writes every event with its time to a file or stream, as MessagePack that `readEvents` reads.
 *
 * Listening begins at once and counts as listening: what would have gone to stderr goes to the recording only. It ends
 * by itself with the close event. A stream given by the caller is not ended. Where writing fails the recording stops and
 * the handle reports a `warning`.
 */
export function recordEvents(
  source: GuestfsEventSource,
  target: string | URL | Writable,
  options: RecordEventsOptions = {},
): EventRecording {
  return new EventRecorder(source, target, options);
}

class EventRecorder implements EventRecording {
  events = 0;
  dropped = 0;
  error: GuestfsError | undefined;
  /** Weak, for the source refers to this: it may be garbage although it is recorded. */
  readonly #source: WeakRef<GuestfsEventSource>;
  readonly #stream: Writable;
  readonly #ownsStream: boolean;
  readonly #maxQueuedBytes: number;
  readonly #handle: number;
  #unreported = 0;
  #corked = false;
  #stopped: Promise<void> | undefined;

  constructor(source: GuestfsEventSource, target: string | URL | Writable, options: RecordEventsOptions) {
    const { mask = GUESTFS_EVENT.ALL, append = true, maxQueuedBytes = 64 * 1024 * 1024 } = options;
    if (typeof target !== 'string' && !(target instanceof URL) && typeof target?.write !== 'function') {
      throw new GuestfsError('ERR_GUESTFS_ARGUMENT', 'events are recorded to a path, a file: URL or a Writable');
    }
    this.#source = new WeakRef(source);
    this.#maxQueuedBytes = maxQueuedBytes;
    this.#handle = source.setEventCallback((event) => this.#record(event), mask);
    this.#ownsStream = typeof target === 'string' || target instanceof URL;
    this.#stream = typeof target === 'string' || target instanceof URL ? openRecordingFile(target, append) : target;
    this.#stream.on('error', this.#fail);
    this.#write(encodeHeader());
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#finish();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #record(event: GuestfsEvent): void {
    if (this.error !== undefined) {
      this.#source.deref()?.deleteEventCallback(this.#handle);
      throw this.error;
    }
    if (this.#stream.writableLength > this.#maxQueuedBytes) {
      this.dropped++;
      this.#unreported++;
    } else {
      this.#reportDropped();
      this.#write(encodeFrame({ kind: 'event', event }));
      this.events++;
    }
    if (event.type === 'close') this.stop().catch(() => undefined);
  }

  async #finish(): Promise<void> {
    this.#source.deref()?.deleteEventCallback(this.#handle);
    this.#reportDropped();
    await new Promise<void>((resolve) => {
      const settled = (error?: Error | null): void => {
        if (error) this.#fail(error);
        resolve();
      };
      const end = encodeFrame({ kind: 'end' });
      this.#uncork();
      if (this.#stream.closed) settled();
      else if (this.#ownsStream) this.#stream.once('close', settled).end(end);
      else this.#stream.write(end, settled);
    });
    // A stream that failed may say so once more, when nobody else listens.
    if (this.error !== undefined) throw this.error;
    this.#stream.off('error', this.#fail);
  }

  #reportDropped(): void {
    if (this.#unreported === 0) return;
    this.#write(encodeFrame({ kind: 'dropped', count: this.#unreported }));
    this.#unreported = 0;
  }

  /** All that is written in one turn goes out together. */
  #write(frame: Uint8Array): void {
    if (!this.#corked) {
      this.#corked = true;
      this.#stream.cork();
      process.nextTick(() => this.#uncork());
    }
    this.#stream.write(frame);
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#stream.uncork();
  }

  readonly #fail = (cause: unknown): void => {
    if (this.error !== undefined) return;
    const known = cause instanceof GuestfsError ? cause : undefined;
    this.error =
      known ?? new GuestfsError('ERR_GUESTFS_RECORDING', `events cannot be recorded: ${reasonOf(cause)}`, { cause });
  };
}
