import { cancelChunk, ChunkBlock, endChunk } from '../wire/chunks.js';
import { IterableFiller, type ByteFiller } from './byte-filler.js';
import type { ByteProgress } from './byte-progress.js';
import type { PendingCall } from '../calls/call.js';
import { transferFailure } from '../calls/failures.js';
import { whySilent } from './endings.js';
import type { Transfer, TransferChannel } from './transfer.js';

/** Where the bytes of an upload come from: an iterable of Uint8Arrays, or what fills them in itself. */
export type UploadSource = AsyncIterable<Uint8Array> | ByteFiller;

/** How many blocks of chunks there are at most: while one is sent the next is filled. */
const BLOCKS = 3;
/** After so many bytes the event loop gets its turn. */
const TURN = 1024 * 1024;

/** Sends the bytes of a source as chunks after a call, as fast as the transport takes them. */
export class Upload implements Transfer {
  readonly receiving = false;
  readonly #call: PendingCall;
  readonly #source: UploadSource;
  readonly #progress: ByteProgress | null;
  /** Blocks made so far, and those that are not being sent. */
  #blocks = 0;
  readonly #free: ChunkBlock[] = [];
  #channel: TransferChannel | null = null;
  /** The last chunk was sent, or nothing may be sent any more. */
  #ended = false;
  #refused = false;
  #sourceError: { error: unknown } | null = null;
  #onFree: (() => void) | null = null;

  constructor(call: PendingCall, source: UploadSource, progress: ByteProgress | null) {
    this.#call = call;
    this.#source = source;
    this.#progress = progress;
  }

  begin(channel: TransferChannel): void {
    this.#channel = channel;
    void this.#run();
  }

  cancel(): void {
    this.#end(cancelChunk());
  }

  /** The daemon wants no more: it answers once it has read our cancel chunk. A flag after the last chunk says nothing. */
  refused(): void {
    if (this.#ended) return;
    this.#refused = true;
    this.#end(cancelChunk());
  }

  succeeded(value: unknown): void {
    if (this.#sourceError !== null) this.#rejectForSource(this.#sourceError.error);
    else if (this.#refused) this.#call.reject(transferFailure(this.#call, 'the daemon did not take the whole file'));
    else {
      this.#progress?.finish();
      this.#call.resolve(value);
    }
    this.#channel?.release();
  }

  failed(error: Error): void {
    if (this.#sourceError !== null) this.#rejectForSource(this.#sourceError.error);
    else this.#call.reject(error);
    this.#channel?.release();
  }

  interrupted(): void {}

  overdue(error: Error): void {
    this.failed(error);
  }

  get answerable(): boolean {
    return this.#ended;
  }

  chunk(): void {}

  received(): void {}

  abandon(): void {
    this.#ended = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    const source = fillerOf(this.#source);
    try {
      await this.#sendAll(source);
    } catch (error) {
      if (!this.#ended) this.#sourceError = { error };
      this.#end(cancelChunk());
    }
    await closeSource(source);
  }

  /** Sends what the source gives until it ends, or nothing more may be sent. */
  async #sendAll(source: ByteFiller): Promise<void> {
    let turn = 0;
    for (;;) {
      const block = await this.#freeBlock();
      if (this.#ended) return;
      const filling = source.fill(block.slots);
      const length = typeof filling === 'number' ? filling : await this.#filled(filling);
      if (this.#ended) return;
      if (length === 0) {
        this.#end(endChunk());
        return;
      }
      this.#progress?.moved(length);
      this.#channel?.write(block.frames(length), () => this.#release(block));
      turn += length;
      if (turn >= TURN) {
        // Where neither the source nor the daemon ever waits, others get their turn all the same.
        await new Promise((resolve) => setImmediate(resolve));
        turn = 0;
      }
    }
  }

  async #filled(filling: Promise<number>): Promise<number> {
    this.#channel?.waitsForProgram(true);
    try {
      return await filling;
    } finally {
      // Later the line is another's.
      if (!this.#ended) this.#channel?.waitsForProgram(false);
    }
  }

  /** A block that is not being sent. */
  async #freeBlock(): Promise<ChunkBlock> {
    if (this.#free.length === 0 && this.#blocks < BLOCKS) {
      this.#blocks += 1;
      return new ChunkBlock();
    }
    while (this.#free.length === 0 && !this.#ended) await new Promise<void>((resolve) => (this.#onFree = resolve));
    return this.#free.pop() ?? new ChunkBlock();
  }

  #release(block: ChunkBlock): void {
    this.#free.push(block);
    this.#wake();
  }

  #wake(): void {
    this.#onFree?.();
    this.#onFree = null;
  }

  #end(last: Buffer): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#channel?.waitsForProgram(false);
    this.#channel?.write(last);
    if (whySilent(this.#call.procedure) !== undefined) this.#channel?.probe();
    this.#wake();
  }

  #rejectForSource(cause: unknown): void {
    this.#call.reject(transferFailure(this.#call, 'the source failed in the middle', cause));
  }
}

function fillerOf(source: UploadSource): ByteFiller {
  return 'fill' in source ? source : new IterableFiller(source);
}

/** Ends a source that is not wanted any more; one that hangs or fails then keeps nobody waiting. */
async function closeSource(source: ByteFiller): Promise<void> {
  try {
    await source.close();
  } catch {
    // The call has its own outcome by now.
  }
}
