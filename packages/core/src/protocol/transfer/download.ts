import type { Sink } from '../operation/download.js';
import { cancelWord, CHUNK_CANCELLED, CHUNK_END, readChunk } from '../wire/chunks.js';
import type { ByteProgress } from './byte-progress.js';
import type { PendingCall } from '../calls/call.js';
import { transferFailure } from '../calls/failures.js';
import { isStoppable } from './endings.js';
import { ENOUGH, Gatherer } from './gatherer.js';
import type { Transfer, TransferChannel } from './transfer.js';

/** How many bytes may wait for the sink before the transport is paused, and how few let it go on. */
const HIGH = 512 * 1024;
const LOW = 128 * 1024;

/** How long the daemon may take to stop before it is asked whether it has, in milliseconds. */
const STOP_PATIENCE = 1_000;

/** Passes the chunks after a reply to a sink, one after the other, and slows the daemon down where the sink is slow. */
export class Download implements Transfer {
  readonly answerable = true;
  readonly #call: PendingCall;
  readonly #sink: Sink;
  readonly #progress: ByteProgress | null;
  readonly #sinkBorrows: boolean;
  #channel: TransferChannel | null = null;
  #value: unknown;
  #receiving = false;
  /** The last chunk has come, or an error reply. */
  #over = false;
  /** Nothing more goes to the sink. */
  #dropping = false;
  /** The daemon was told to stop. */
  #stopped = false;
  #stopTimer: NodeJS.Timeout | undefined;
  #failure: Error | null = null;
  #queue: Buffer[] = [];
  #waiting = 0;
  #sinkBusy = false;
  #paused = false;
  readonly #gatherer = new Gatherer((data) => this.#gathered(data));

  constructor(call: PendingCall, sink: Sink, progress: ByteProgress | null, sinkBorrows: boolean) {
    this.#call = call;
    this.#sink = sink;
    this.#progress = progress;
    this.#sinkBorrows = sinkBorrows;
  }

  get receiving(): boolean {
    return this.#receiving;
  }

  begin(channel: TransferChannel): void {
    this.#channel = channel;
  }

  cancel(): void {
    this.#drop();
    this.#stop();
  }

  succeeded(value: unknown): void {
    this.#value = value;
    this.#receiving = true;
  }

  failed(error: Error, chunksFollow: boolean): void {
    if (chunksFollow) {
      this.#receiving = true;
      this.#fail(error);
      return;
    }
    this.#over = true;
    clearTimeout(this.#stopTimer);
    this.#call.reject(error);
    this.#channel?.release();
  }

  interrupted(error: Error): void {
    if (!this.#dropping) this.#failure = error;
    this.#drop();
  }

  overdue(error: Error): void {
    this.#failure ??= error;
    this.#drop();
    this.#end(false);
  }

  chunk(bytes: Buffer, start: number, end: number): void {
    const length = readChunk(bytes, start, end);
    if (length >= 0) {
      if (!this.#dropping) this.#gatherer.add(bytes, start + 8, length);
      return;
    }
    this.#gatherer.flush();
    if (length === CHUNK_CANCELLED && !this.#dropping) {
      this.#drop();
      this.#failure = transferFailure(this.#call, 'the daemon gave the file up in the middle');
    }
    if (length === CHUNK_END || length === CHUNK_CANCELLED) this.#end(this.#stopped && length === CHUNK_CANCELLED);
  }

  received(): void {
    this.#gatherer.rest();
  }

  refused(): void {}

  abandon(): void {
    this.#gatherer.flush();
    this.#over = true;
    clearTimeout(this.#stopTimer);
    this.#drop();
  }

  #gathered(data: Buffer): boolean {
    if (this.#dropping) return false;
    this.#progress?.moved(data.length);
    const lend = this.#sinkBorrows && !this.#sinkBusy && this.#queue.length === 0;
    // Little of it would keep a whole block from being used.
    const keep = !lend && data.length >= ENOUGH;
    this.#queue.push(lend || keep ? data : Buffer.from(data));
    this.#waiting += data.length;
    this.#feed();
    if (this.#waiting > HIGH && !this.#paused && !this.#over) {
      this.#paused = true;
      this.#channel?.pause();
    }
    return keep;
  }

  /** Gives the sink what waits until it asks for time. */
  #feed(): void {
    while (!this.#sinkBusy && this.#queue.length > 0) {
      const bytes = this.#queue.shift()!;
      this.#waiting -= bytes.length;
      try {
        const pending = this.#sink(bytes);
        if (pending !== undefined) this.#await(pending);
      } catch (error) {
        this.#sinkFailed(error);
      }
    }
    if (this.#waiting < LOW) this.#goOn();
    if (this.#over) this.#settle();
  }

  #await(pending: Promise<void>): void {
    this.#sinkBusy = true;
    Promise.resolve(pending).then(
      () => {
        this.#sinkBusy = false;
        this.#feed();
      },
      (error: unknown) => {
        this.#sinkBusy = false;
        this.#sinkFailed(error);
        this.#feed();
      },
    );
  }

  #sinkFailed(cause: unknown): void {
    if (!this.#dropping) this.#fail(transferFailure(this.#call, 'the target failed in the middle', cause));
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#drop();
    this.#stop();
  }

  /** Tells the daemon to stop. Not all of its functions say that they did: a journal's field that is too long ends without. */
  #stop(): void {
    const line = this.#channel;
    if (line === null || this.#over || this.#stopped || !isStoppable(this.#call.procedure)) return;
    this.#stopped = true;
    line.write(cancelWord());
    this.#stopTimer = setTimeout(() => line.probe(), STOP_PATIENCE).unref();
  }

  #drop(): void {
    this.#dropping = true;
    this.#gatherer.clear();
    this.#queue = [];
    this.#waiting = 0;
    this.#goOn();
  }

  #goOn(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#channel?.resume();
  }

  #end(maybeAgain: boolean): void {
    this.#receiving = false;
    this.#over = true;
    clearTimeout(this.#stopTimer);
    this.#goOn();
    this.#settle();
    this.#channel?.release(maybeAgain);
  }

  #settle(): void {
    if (this.#failure !== null) this.#call.reject(this.#failure);
    else if (!this.#sinkBusy && this.#queue.length === 0) {
      if (!this.#call.settled) this.#progress?.finish();
      this.#call.resolve(this.#value);
    }
  }
}
