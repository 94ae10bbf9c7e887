import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { GuestfsError } from '../errors.js';
import { ByteReader } from './byte-reader.js';
import type { CallOptions } from './control.js';
import { Operation } from './operation.js';
import { RunControl } from './run.js';

/** Takes the bytes of a download; a promise slows the daemon down, and what it throws ends the download. */
export type Sink = (bytes: Buffer) => void | Promise<void>;

/** Issues the call behind a {@link DownloadOperation}, which is cancelled with it. */
export type StartDownload<T> = (sink: Sink, control: RunControl) => PromiseLike<T>;

/**
 * A download without a target: it is read, by one reader, and the call is issued when that starts.
 *
 * - Read it with `for await`, `readable()` or `stream()`; a second reader throws ERR_GUESTFS_STATE.
 * - `break` and destroying the stream cancel the transfer; the connection stays usable.
 * - Awaited as well, it settles when the last byte has come. Awaited with no reader it rejects with
 *   ERR_GUESTFS_NO_TARGET.
 * - With a reader, its rejection is told there and need not be handled on the promise too.
 */
export class DownloadOperation<T> extends Operation<T> implements AsyncIterable<Buffer> {
  readonly #download: Pick<DownloadControl<unknown>, 'hasReader' | 'takeReader' | 'requireReader'>;
  #asked = false;

  constructor(
    operation: string,
    options: CallOptions | undefined,
    start: StartDownload<T>,
    showArguments?: () => string,
  ) {
    const control = new DownloadControl<T>(operation, start, showArguments);
    control.captureOrigin(DownloadOperation);
    super(control);
    this.#download = control;
    control.listen(options);
  }

  /** Starts reading with the first `next`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer, undefined> {
    return this.#reader();
  }

  /** The bytes as a Node stream. */
  readable(): Readable {
    return Readable.from(this.#reader(), { objectMode: false });
  }

  /** The bytes as a web stream. */
  stream(): ReadableStream<Uint8Array> {
    const reader = this.#reader();
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { done, value } = await reader.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        async cancel() {
          await reader.return();
        },
      },
      { highWaterMark: 0 },
    );
  }

  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#askForReader();
    return super.then(onFulfilled, onRejected);
  }

  #reader(): ByteReader {
    this.markHandled();
    return this.#download.takeReader();
  }

  /** Somebody waits for the result: a reader has the rest of this turn of the event loop to come. */
  #askForReader(): void {
    if (this.#asked) return;
    this.#asked = true;
    if (!this.#download.hasReader) setImmediate(() => this.#download.requireReader());
  }
}

class DownloadControl<T> extends RunControl<T> {
  readonly #start: StartDownload<T>;
  #reader: ByteReader | null = null;

  constructor(operation: string, start: StartDownload<T>, showArguments?: () => string) {
    super(operation, showArguments);
    this.#start = start;
  }

  get hasReader(): boolean {
    return this.#reader !== null;
  }

  takeReader(): ByteReader {
    if (this.#reader !== null) {
      throw new GuestfsError('ERR_GUESTFS_STATE', 'this download is read already', {
        operation: this.operation,
        hint: 'a download has one reader; call the function again for another copy of the bytes',
      });
    }
    const reader = new ByteReader({
      begin: () => this.#begin(reader),
      abandon: () => this.cancel(new GuestfsError('ERR_GUESTFS_CANCELLED', 'the reader stopped before the end')),
    });
    this.#reader = reader;
    this.observe({ progress: () => undefined, end: (failed, error) => reader.end(failed, error) });
    return reader;
  }

  requireReader(): void {
    if (this.#reader !== null) return;
    this.reject(
      new GuestfsError('ERR_GUESTFS_NO_TARGET', 'nothing takes the bytes', {
        operation: this.operation,
        args: this.shownArguments,
        hint: 'pass a target (a path, a Writable), or read the operation with for await, readable() or stream()',
      }),
    );
  }

  /** Rejects at once: the reader waits for bytes, not for the call inside to end. */
  protected override onCancelled(error: GuestfsError): void {
    super.onCancelled(error);
    this.reject(error);
  }

  #begin(reader: ByteReader): void {
    if (!this.settled) this.start((control) => this.#start((bytes) => reader.push(bytes), control));
  }
}
