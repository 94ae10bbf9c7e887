import { Readable, Writable } from 'node:stream';

export interface ReadStreamOptions {
  readonly encoding?: BufferEncoding | null | undefined;
  /** First byte; default 0. */
  readonly start?: number | undefined;
  /** Last byte, itself included; default the end of the file. */
  readonly end?: number | undefined;
  /** Bytes asked for at a time; default 256 KiB. */
  readonly highWaterMark?: number | undefined;
  readonly autoClose?: boolean | undefined;
  readonly signal?: AbortSignal | null | undefined;
}

export interface WriteStreamOptions {
  readonly encoding?: BufferEncoding | null | undefined;
  /** Where in the file to begin; default 0. */
  readonly start?: number | undefined;
  readonly highWaterMark?: number | undefined;
  readonly autoClose?: boolean | undefined;
  readonly signal?: AbortSignal | null | undefined;
}

/** What a stream asks of an open file. */
export interface StreamFile extends AsyncDisposable {
  read(into: Buffer, options: { readonly position: number }): Promise<{ bytesRead: number; buffer: Buffer }>;
  write(bytes: Buffer, options: { readonly position: number }): Promise<unknown>;
}

const DEFAULT_HIGH_WATER_MARK = 256 * 1024;

/**
 * A file of the guest as a readable stream.
 *
 * It asks for a piece at a time, and only when one is wanted: other calls go on between the pieces, so a consumer may
 * itself use the guest. (`download` is faster, but keeps the line to itself.)
 */
export class GuestReadStream extends Readable {
  readonly path: string;
  bytesRead = 0;
  /** True until the file is open. */
  pending = true;
  readonly #open: () => Promise<StreamFile>;
  #file: StreamFile | null = null;
  #offset: number;
  readonly #end: number;
  readonly #closes: boolean;

  constructor(path: string, open: () => Promise<StreamFile>, options: ReadStreamOptions = {}) {
    const {
      encoding,
      start = 0,
      end = Infinity,
      highWaterMark = DEFAULT_HIGH_WATER_MARK,
      autoClose = true,
      signal,
    } = options;
    checkOffset('start', start);
    checkOffset('end', end);
    super({
      highWaterMark,
      ...(encoding === undefined || encoding === null ? {} : { encoding }),
      ...(signal === undefined || signal === null ? {} : { signal }),
    });
    this.path = path;
    this.#open = open;
    this.#offset = start;
    this.#end = end;
    this.#closes = autoClose;
  }

  override _construct(done: (error?: Error | null) => void): void {
    this.#open().then(
      (file) => {
        this.#file = file;
        this.pending = false;
        done();
        this.emit('open', file);
        this.emit('ready');
      },
      (error: unknown) => done(error as Error),
    );
  }

  override _read(size: number): void {
    const length = Math.min(Math.max(size, this.readableHighWaterMark), this.#end - this.#offset + 1);
    if (length <= 0 || this.#file === null) {
      this.push(null);
      return;
    }
    this.#file.read(Buffer.allocUnsafe(length), { position: this.#offset }).then(
      ({ bytesRead, buffer }) => {
        this.#offset += bytesRead;
        this.bytesRead += bytesRead;
        this.push(bytesRead === 0 ? null : buffer.subarray(0, bytesRead));
      },
      (error: unknown) => this.destroy(error as Error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    closeFile(this.#closes ? this.#file : null, error, done);
  }

  /** Stops reading; the callback is called when the stream is closed. */
  close(callback?: (error?: Error | null) => void): void {
    tellClosed(this, callback);
    this.destroy();
  }
}

/** A file of the guest as a writable stream: a message for each chunk, so other calls go on between them. */
export class GuestWriteStream extends Writable {
  readonly path: string;
  bytesWritten = 0;
  /** True until the file is open. */
  pending = true;
  readonly #open: () => Promise<StreamFile>;
  #file: StreamFile | null = null;
  #offset: number;
  readonly #closes: boolean;

  constructor(path: string, open: () => Promise<StreamFile>, options: WriteStreamOptions = {}) {
    const { encoding, start = 0, highWaterMark = DEFAULT_HIGH_WATER_MARK, autoClose = true, signal } = options;
    checkOffset('start', start);
    super({
      highWaterMark,
      ...(encoding === undefined || encoding === null ? {} : { defaultEncoding: encoding }),
      ...(signal === undefined || signal === null ? {} : { signal }),
    });
    this.path = path;
    this.#open = open;
    this.#offset = start;
    this.#closes = autoClose;
  }

  override _construct(done: (error?: Error | null) => void): void {
    this.#open().then(
      (file) => {
        this.#file = file;
        this.pending = false;
        done();
        this.emit('open', file);
        this.emit('ready');
      },
      (error: unknown) => done(error as Error),
    );
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#write(chunk).then(() => done(), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#write(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    closeFile(this.#closes ? this.#file : null, error, done);
  }

  /** Ends the stream after what was written; the callback is called when it is closed. */
  close(callback?: (error?: Error | null) => void): void {
    tellClosed(this, callback);
    this.end();
  }

  async #write(bytes: Buffer): Promise<void> {
    await this.#file?.write(bytes, { position: this.#offset });
    this.#offset += bytes.length;
    this.bytesWritten += bytes.length;
  }
}

function closeFile(file: StreamFile | null, error: Error | null, done: (error?: Error | null) => void): void {
  void Promise.resolve(file?.[Symbol.asyncDispose]()).then(() => done(error));
}

function tellClosed(stream: Readable | Writable, callback: ((error?: Error | null) => void) | undefined): void {
  if (callback === undefined) return;
  if (stream.closed) process.nextTick(callback);
  else stream.once('close', () => callback(stream.errored));
}

function checkOffset(name: string, value: number): void {
  if (value === Infinity || (Number.isSafeInteger(value) && value >= 0)) return;
  const message = `The value of "${name}" is out of range. It must be >= 0 && <= 2 ** 53 - 1. Received ${value}`;
  throw Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
}
