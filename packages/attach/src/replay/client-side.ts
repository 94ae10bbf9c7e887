import { createHash, type Hash } from 'node:crypto';
import { GuestfsError } from '@guestfs/core';
import { CHUNK_CANCELLED, CHUNK_END, FrameDecoder, readChunk, type FrameReceiver } from '@guestfs/core/protocol';
import { readCall, type CallRequest } from './request.js';

/** What a client sent as a file. */
export interface UploadSummary {
  readonly bytes: number;
  readonly sha256: string;
  /** False when the client gave it up. */
  readonly whole: boolean;
}

export interface ClientObserver {
  call(call: CallRequest): void;
  /** The end of the file of the last call. */
  uploaded(upload: UploadSummary): void;
}

/** Reads what a client sends to a daemon: its calls, and its files as their length and hash. */
export class ClientSide implements FrameReceiver {
  readonly #observer: ClientObserver;
  readonly #decoder = new FrameDecoder(this);
  #upload: { hash: Hash; bytes: number } | null = null;

  constructor(observer: ClientObserver) {
    this.#observer = observer;
  }

  push(bytes: Buffer): void {
    this.#decoder.push(bytes);
  }

  frame(bytes: Buffer, start: number, end: number): void {
    if (this.#upload !== null) return this.#chunk(this.#upload, bytes, start, end);
    const call = readCall(bytes, start, end);
    if (call === null)
      throw new GuestfsError('ERR_GUESTFS_PROTOCOL', `a message of ${end - start} bytes, where a call must be`);
    if (call.transfer === 'in') this.#upload = { hash: createHash('sha256'), bytes: 0 };
    this.#observer.call(call);
  }

  #chunk(upload: { hash: Hash; bytes: number }, bytes: Buffer, start: number, end: number): void {
    const length = readChunk(bytes, start, end);
    if (length === CHUNK_END || length === CHUNK_CANCELLED) {
      this.#upload = null;
      this.#observer.uploaded({ bytes: upload.bytes, sha256: upload.hash.digest('hex'), whole: length === CHUNK_END });
      return;
    }
    upload.hash.update(bytes.subarray(start + 8, start + 8 + length));
    upload.bytes += length;
  }

  /** The client gives a download up: the daemon's remaining chunks follow in any case. */
  cancelled(): void {}

  launched(): void {}

  progress(): void {}
}
