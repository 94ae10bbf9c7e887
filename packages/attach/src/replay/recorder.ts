import type { ConnectionTap, LaunchConfig } from '@guestfs/core';
import {
  CANCEL_FLAG,
  CHUNK_CANCELLED,
  CHUNK_END,
  FrameDecoder,
  HEADER_OFFSET,
  HEADER_SIZE,
  LENGTH_SIZE,
  PROGRESS_FLAG,
  PROGRESS_OFFSET,
  PROGRESS_SIZE,
  readChunk,
  SERIAL_OFFSET,
  type FrameReceiver,
} from '@guestfs/core/internal';
import { ClientSide, type ClientObserver, type UploadSummary } from './client-side.js';
import { RECORDING_VERSION, type DriveSummary, type SessionRecord } from './records.js';
import type { CallRequest } from './request.js';

/** Writes down what the two sides of a connection say, as records in the order of the calls. */
export class Recorder implements ConnectionTap, ClientObserver, FrameReceiver {
  readonly #write: (record: SessionRecord) => void;
  readonly #client = new ClientSide(this);
  readonly #daemon = new FrameDecoder(this);
  /** Sent and not answered; the first is the one whose records are being written. */
  readonly #open: CallRequest[] = [];
  readonly #secrets = new Set<string>();
  #calls = 0;
  #downloading = false;

  constructor(write: (record: SessionRecord) => void) {
    this.#write = write;
  }

  begin(drives: readonly DriveSummary[], compareUploads: boolean): void {
    this.#write({ kind: 'header', version: RECORDING_VERSION, time: Date.now(), drives, compareUploads });
  }

  /** Completes the recording; returns how many calls are in it and which arguments were left out. */
  finish(): { calls: number; secrets: string[] } {
    if (this.#open.length > 0) this.#write({ kind: 'lost' });
    const secrets = [...this.#secrets].sort();
    this.#write({ kind: 'end', calls: this.#calls, secrets });
    return { calls: this.#calls, secrets };
  }

  sent(bytes: Buffer): void {
    this.#client.push(bytes);
  }

  received(bytes: Buffer): void {
    this.#daemon.push(bytes);
  }

  // What the client says.

  call(call: CallRequest): void {
    for (const secret of call.secrets) this.#secrets.add(secret);
    this.#open.push(call);
    if (this.#open.length === 1) this.#writeCall(call);
  }

  uploaded(upload: UploadSummary): void {
    this.#write({ kind: 'upload', ...upload });
  }

  // What the daemon says.

  launched(): void {}

  cancelled(): void {
    if (this.#open.length === 0) return;
    const bytes = Buffer.alloc(LENGTH_SIZE);
    bytes.writeUInt32BE(CANCEL_FLAG);
    this.#write({ kind: 'answer', bytes });
  }

  progress(proc: number, _serial: number, position: bigint, total: bigint): void {
    if (this.#open.length === 0) return;
    const bytes = Buffer.alloc(LENGTH_SIZE + PROGRESS_SIZE);
    bytes.writeUInt32BE(PROGRESS_FLAG);
    bytes.writeUInt32BE(proc, LENGTH_SIZE + PROGRESS_OFFSET.procedure);
    bytes.writeBigUInt64BE(position, LENGTH_SIZE + PROGRESS_OFFSET.position);
    bytes.writeBigUInt64BE(total, LENGTH_SIZE + PROGRESS_OFFSET.total);
    this.#write({ kind: 'answer', bytes });
  }

  frame(bytes: Buffer, start: number, end: number): void {
    const [call] = this.#open;
    if (call === undefined) return;
    const frame = Buffer.alloc(LENGTH_SIZE + end - start);
    frame.writeUInt32BE(end - start);
    bytes.copy(frame, LENGTH_SIZE, start, end);
    if (!this.#downloading) {
      if (end - start >= HEADER_SIZE) frame.writeUInt32BE(0, SERIAL_OFFSET);
      const failed = end - start < HEADER_SIZE || bytes.readUInt32BE(start + HEADER_OFFSET.status) !== 0;
      this.#downloading = call.transfer === 'out' && !failed;
    } else {
      const length = readChunk(bytes, start, end);
      this.#downloading = length !== CHUNK_END && length !== CHUNK_CANCELLED;
    }
    this.#write({ kind: 'answer', bytes: frame });
    if (!this.#downloading) this.#answered();
  }

  #answered(): void {
    this.#open.shift();
    const [next] = this.#open;
    if (next !== undefined) this.#writeCall(next);
  }

  #writeCall({ proc, name, request }: CallRequest): void {
    this.#calls++;
    this.#write({ kind: 'call', proc, name, request });
  }
}

/** What of a launch's drives must be the same when the session is replayed. */
export function summarize(drives: LaunchConfig['drives']): DriveSummary[] {
  return drives.map(({ readonly, format }) => ({ readonly, format: format ?? '' }));
}
