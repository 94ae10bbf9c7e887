import { once } from 'node:events';
import { lstat, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { WritableStream, WritableStreamDefaultWriter } from 'node:stream/web';
import { GuestfsError } from '@guestfs/core';
import { FileWriter } from './file-writer.js';
import { HostFile } from './host-file.js';
import { hostError, hostPath } from './sources.js';

/**
 * Where a download puts its bytes: a path or file: URL of the host, or a writable stream.
 *
 * A path is opened when the first bytes come and written in place. When the download fails, a file that it made is
 * removed; one that was there before stays, with what had come until then. A stream is ended when all has come (but not
 * `process.stdout` and `process.stderr`), and destroyed or aborted when the download fails.
 */
export type FileTarget = string | URL | Writable | WritableStream<Uint8Array>;

/** A target that is being written. */
export interface OpenTarget {
  /** A promise asks to wait. */
  write(bytes: Buffer): void | Promise<void>;
  /** Whether it needs the bytes only until `write` returns. */
  readonly borrows: boolean;
  /** All has come. */
  finish(): Promise<void>;
  /** What went wrong with the target itself. */
  readonly failure: GuestfsError | null;
  /** The download failed; never rejects. */
  fail(error: unknown): Promise<void>;
}

/** Whether a value can be downloaded to. */
export function isFileTarget(value: unknown): value is FileTarget {
  return typeof value === 'string' || value instanceof URL || isWritable(value) || isWebStream(value);
}

/** Opens a target for one download. */
export function openTarget(operation: string, target: FileTarget): OpenTarget {
  if (typeof target === 'string' || target instanceof URL)
    return new PathTarget(operation, hostPath(operation, target));
  return isWebStream(target) ? new WebTarget(operation, target) : new StreamTarget(operation, target);
}

class PathTarget implements OpenTarget {
  readonly #operation: string;
  readonly #path: string;
  readonly borrows = true;
  failure: GuestfsError | null = null;
  #writer: FileWriter | null = null;
  #created = false;

  constructor(operation: string, path: string) {
    this.#operation = operation;
    this.#path = path;
  }

  write(bytes: Buffer): void | Promise<void> {
    try {
      return this.#open()
        .write(bytes)
        ?.catch((cause: unknown) => {
          throw this.#fail(cause);
        });
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  async finish(): Promise<void> {
    try {
      await this.#open().finish();
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  async fail(): Promise<void> {
    await this.#writer?.abandon();
    if (this.#created) await rm(this.#path, { force: true }).catch(() => undefined);
  }

  #open(): FileWriter {
    return (this.#writer ??= new FileWriter(this.#openFile()));
  }

  async #openFile(): Promise<HostFile> {
    // A link that leads nowhere counts as there: removing the link would not remove what was made behind it.
    const there = await lstat(this.#path).then(
      () => true,
      () => false,
    );
    const file = await HostFile.open(this.#path, 'w');
    this.#created = !there;
    return file;
  }

  #fail(cause: unknown): GuestfsError {
    return (this.failure ??= hostError(this.#operation, `the file ${this.#path} cannot be written`, cause));
  }
}

class StreamTarget implements OpenTarget {
  readonly #operation: string;
  readonly #stream: Writable;
  readonly borrows = false;
  failure: GuestfsError | null = null;
  readonly #onError = (cause: unknown): void => {
    this.failure ??= hostError(this.#operation, 'the target stream failed', cause);
  };
  readonly #onClose = (): void => {
    if (!this.#stream.writableFinished) this.#onError(new Error('it was closed before the end'));
  };

  constructor(operation: string, stream: Writable) {
    this.#operation = operation;
    this.#stream = stream;
    if (stream.destroyed || stream.writableEnded) this.#onError(new Error('it is closed already'));
    stream.on('error', this.#onError);
    stream.on('close', this.#onClose);
  }

  write(bytes: Buffer): void | Promise<void> {
    if (this.failure !== null) throw this.failure;
    if (!this.#stream.write(bytes)) return this.#drained();
  }

  async finish(): Promise<void> {
    try {
      if (this.failure !== null) throw this.failure;
      if (this.#stays) return;
      this.#stream.end();
      while (!this.#stream.writableFinished && this.failure === null) await this.#nextSign();
      if (this.failure !== null) throw this.failure as GuestfsError;
    } finally {
      this.#detach();
    }
  }

  async fail(error: unknown): Promise<void> {
    if (!this.#stays) {
      // Its error is the download's, which is told there.
      this.#stream.on('error', () => undefined);
      this.#stream.destroy(error instanceof Error ? error : undefined);
    }
    this.#detach();
  }

  async #drained(): Promise<void> {
    while (this.#stream.writableNeedDrain && this.failure === null) await this.#nextSign();
    if (this.failure !== null) throw this.failure;
  }

  /** Waits for the stream's next sign of life, whichever it is. */
  async #nextSign(): Promise<void> {
    const stop = new AbortController();
    const signs = ['drain', 'finish', 'close'].map((name) => once(this.#stream, name, { signal: stop.signal }));
    // `once` rejects on an error event, which `#onError` has seen.
    await Promise.race(signs).catch(() => undefined);
    stop.abort();
  }

  /** The program's own streams are never ended. */
  get #stays(): boolean {
    return this.#stream === process.stdout || this.#stream === process.stderr;
  }

  #detach(): void {
    this.#stream.off('error', this.#onError);
    this.#stream.off('close', this.#onClose);
  }
}

class WebTarget implements OpenTarget {
  readonly borrows = false;
  failure: GuestfsError | null = null;
  readonly #operation: string;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(operation: string, stream: WritableStream<Uint8Array>) {
    this.#operation = operation;
    if (stream.locked) {
      const hint = 'release its writer first';
      throw new GuestfsError('ERR_GUESTFS_TRANSFER', 'the target stream is locked', { operation, hint });
    }
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => undefined);
  }

  async write(bytes: Buffer): Promise<void> {
    try {
      await this.#writer.ready;
      await this.#writer.write(bytes);
    } catch (cause) {
      throw (this.failure ??= hostError(this.#operation, 'the target stream failed', cause));
    }
  }

  async finish(): Promise<void> {
    try {
      await this.#writer.close();
    } catch (cause) {
      throw (this.failure ??= hostError(this.#operation, 'the target stream failed', cause));
    }
  }

  async fail(error: unknown): Promise<void> {
    await this.#writer.abort(error).catch(() => undefined);
  }
}

function isWritable(value: unknown): value is Writable {
  const stream = value as { write?: unknown; end?: unknown; on?: unknown } | null;
  if (typeof stream !== 'object' || stream === null) return false;
  return typeof stream.write === 'function' && typeof stream.end === 'function' && typeof stream.on === 'function';
}

function isWebStream(value: unknown): value is WritableStream<Uint8Array> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { getWriter?: unknown }).getWriter === 'function'
  );
}
