import { cancelChunk, ChunkPacker, endChunk } from '../protocol/chunks.js';
import { argumentError } from '../xdr/errors.js';
import type { ByteProgress } from './byte-progress.js';
import type { PendingCall } from './call.js';
import { transferFailure } from './failures.js';
import type { Transfer, TransferLine } from './transfer.js';

/** Sends the bytes of a source as chunks after a call, as fast as the transport takes them. */
export class Upload implements Transfer {
  readonly receiving = false;
  readonly #call: PendingCall;
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #progress: ByteProgress | null;
  readonly #packer = new ChunkPacker();
  #line: TransferLine | null = null;
  /** The last chunk was sent, or nothing may be sent any more. */
  #ended = false;
  #refused = false;
  #sourceError: { error: unknown } | null = null;
  #onDrain: (() => void) | null = null;

  constructor(call: PendingCall, source: AsyncIterable<Uint8Array>, progress: ByteProgress | null) {
    this.#call = call;
    this.#source = source;
    this.#progress = progress;
  }

  begin(line: TransferLine): void {
    this.#line = line;
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
    this.#line?.release();
  }

  failed(error: Error): void {
    if (this.#sourceError !== null) this.#rejectForSource(this.#sourceError.error);
    else this.#call.reject(error);
    this.#line?.release();
  }

  get answerable(): boolean {
    return this.#ended;
  }

  chunk(): void {}

  received(): void {}

  drain(): void {
    this.#onDrain?.();
    this.#onDrain = null;
  }

  abandon(): void {
    this.#ended = true;
    this.drain();
  }

  async #run(): Promise<void> {
    let iterator: AsyncIterator<Uint8Array> | null = null;
    let exhausted = false;
    try {
      iterator = this.#source[Symbol.asyncIterator]();
      while (!this.#ended) {
        const result = await iterator.next();
        if (result.done === true) {
          exhausted = true;
          break;
        }
        await this.#send(result.value);
      }
      if (exhausted) this.#finish();
    } catch (error) {
      exhausted = true;
      if (!this.#ended) this.#sourceError = { error };
      this.#end(cancelChunk());
    }
    if (!exhausted) await closeSource(iterator);
  }

  async #send(value: unknown): Promise<void> {
    if (!ArrayBuffer.isView(value)) throw argumentError('source', 'must give Uint8Arrays');
    const data = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    for (let offset = 0; offset < data.length && !this.#ended;) {
      const from = offset;
      offset = this.#packer.pack(data, offset);
      this.#progress?.moved(offset - from);
      if (this.#packer.full && !this.#flush()) await new Promise<void>((resolve) => (this.#onDrain = resolve));
    }
  }

  #flush(): boolean {
    const frames = this.#packer.take();
    return frames === null || this.#line === null || this.#line.write(frames);
  }

  #finish(): void {
    if (this.#ended) return;
    this.#flush();
    this.#end(endChunk());
  }

  #end(last: Buffer): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#line?.write(last);
    this.drain();
  }

  #rejectForSource(cause: unknown): void {
    this.#call.reject(transferFailure(this.#call, 'the source failed in the middle', cause));
  }
}

/** Ends a source that is not wanted any more; one that hangs or fails then keeps nobody waiting. */
async function closeSource(iterator: AsyncIterator<Uint8Array> | null): Promise<void> {
  try {
    await iterator?.return?.();
  } catch {
    // The call has its own outcome by now.
  }
}
