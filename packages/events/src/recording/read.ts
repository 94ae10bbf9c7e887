import { createReadStream } from 'node:fs';
import { reasonOf, GuestfsError } from '../errors.js';
import type { GuestfsEvent } from '../events.js';
import { FrameReader } from './frames.js';

/** What a recording is read from: a path, a `file:` URL, its bytes, or a stream of them. */
export type RecordingInput = string | URL | Uint8Array | AsyncIterable<Uint8Array>;

/** An async iterator over the events of a recording. What it says about the recording's end holds once it has ended. */
export class RecordedEvents implements AsyncIterableIterator<GuestfsEvent, undefined, undefined>, AsyncDisposable {
  /** Whether the last record was cut off, as a crash of the writer does; all whole records before it were read. */
  truncated = false;
  /** The bytes of the record that was cut off. */
  truncatedBytes = 0;
  /** Whether the writer stopped in order: after a crash the end is missing, even where no record was cut. */
  complete = false;
  /** Events that are missing because the recorder could not keep up. */
  dropped = 0;
  /** Recordings that follow each other here; more than one where it was appended to. */
  sessions = 0;
  readonly #events: AsyncGenerator<GuestfsEvent, undefined, undefined>;
  #taken = false;

  constructor(input: RecordingInput) {
    this.#events = this.#read(input);
  }

  [Symbol.asyncIterator](): this {
    if (this.#taken) {
      throw new GuestfsError('ERR_GUESTFS_STATE', 'this recording is already being read', {
        hint: 'call readEvents() again for a second reader',
      });
    }
    this.#taken = true;
    return this;
  }

  next(): Promise<IteratorResult<GuestfsEvent, undefined>> {
    return this.#events.next();
  }

  return(): Promise<IteratorResult<GuestfsEvent, undefined>> {
    return this.#events.return(undefined);
  }

  throw(error?: unknown): Promise<IteratorResult<GuestfsEvent, undefined>> {
    return this.#events.throw(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async *#read(input: RecordingInput): AsyncGenerator<GuestfsEvent, undefined, undefined> {
    const reader = new FrameReader('ERR_GUESTFS_RECORDING');
    for await (const chunk of chunksOf(input)) {
      reader.push(chunk);
      for (let record = reader.next(); record !== undefined; record = reader.next()) {
        this.complete = record.kind === 'end';
        if (record.kind === 'event') yield record.event;
        else if (record.kind === 'dropped') this.dropped += record.count;
        else if (record.kind === 'header') this.sessions++;
      }
    }
    this.truncatedBytes = reader.pendingBytes;
    this.truncated = reader.pendingBytes > 0;
    if (this.truncated) this.complete = false;
    return undefined;
  }
}

/**
 * Reads what `recordEvents` wrote, one event at a time, with their times and numbers exact.
 *
 * A tail that was cut off is no error: `truncated` tells of it at the end. Throws `ERR_GUESTFS_RECORDING` where the input
 * cannot be read, is no recording, is damaged (with the byte's offset), or is of another version.
 */
export function readEvents(input: RecordingInput): RecordedEvents {
  return new RecordedEvents(input);
}

async function* chunksOf(input: RecordingInput): AsyncGenerator<Uint8Array, void, undefined> {
  if (input instanceof Uint8Array) {
    yield input;
    return;
  }
  const fromFile = typeof input === 'string' || input instanceof URL;
  try {
    for await (const chunk of fromFile ? (createReadStream(input) as AsyncIterable<Uint8Array>) : input) {
      if (!ArrayBuffer.isView(chunk)) {
        throw new GuestfsError('ERR_GUESTFS_ARGUMENT', 'a recording is read from bytes, not from text', {
          hint: 'set no encoding on the stream',
        });
      }
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof GuestfsError) throw cause;
    throw new GuestfsError('ERR_GUESTFS_RECORDING', `the recording cannot be read: ${reasonOf(cause)}`, { cause });
  }
}
