import type { ConnectionTap, LaunchConfig } from '@guestfs/core';
import {
  CANCEL_FLAG,
  cancelChunk,
  CHUNK_CANCELLED,
  CHUNK_END,
  DIRECTION_REPLY,
  FrameDecoder,
  HEADER_OFFSET,
  isMessage,
  LENGTH_SIZE,
  PROGRAM,
  PROGRESS_FLAG,
  PROGRESS_OFFSET,
  PROGRESS_SIZE,
  PROTOCOL_VERSION,
  readChunk,
  SERIAL_OFFSET,
  STATUS_ERROR,
  Writer,
  type FrameReceiver,
} from '@guestfs/core/protocol';
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
    const message = isMessage(bytes, start, end);
    if (message) this.#leaveUnanswered(bytes.readUInt32BE(start + HEADER_OFFSET.serial));
    const [call] = this.#open;
    if (call === undefined) return;
    if (message) {
      if (bytes.readUInt32BE(start + HEADER_OFFSET.serial) !== call.serial) return;
      const failed = bytes.readUInt32BE(start + HEADER_OFFSET.status) !== 0;
      // An error in the middle of a file is followed by the file's end.
      this.#downloading = call.transfer === 'out' && (this.#downloading || !failed);
    } else {
      // Without a file it is the second time that the daemon says to have stopped sending one.
      if (!this.#downloading) return;
      const length = readChunk(bytes, start, end);
      this.#downloading = length !== CHUNK_END && length !== CHUNK_CANCELLED;
    }
    const frame = Buffer.alloc(LENGTH_SIZE + end - start);
    frame.writeUInt32BE(end - start);
    bytes.copy(frame, LENGTH_SIZE, start, end);
    if (message) frame.writeUInt32BE(0, SERIAL_OFFSET);
    this.#write({ kind: 'answer', bytes: frame });
    if (!this.#downloading) this.#answered();
  }

  /**
   * Completes the calls before one that is answered, of which the daemon told no end. It may be a probe of the client's,
   * which is no part of a recording.
   */
  #leaveUnanswered(serial: number): void {
    for (let [call] = this.#open; call !== undefined; [call] = this.#open) {
      const isLater = call.serial !== serial && (serial - call.serial) >>> 0 < 2 ** 31;
      if (!isLater) return;
      this.#write({ kind: 'answer', bytes: this.#downloading ? cancelChunk() : noAnswer(call) });
      this.#downloading = false;
      this.#answered();
    }
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

/** What stands in a recording for an answer that never came. */
function noAnswer({ proc }: CallRequest): Buffer {
  const writer = new Writer();
  const header = [PROGRAM, PROTOCOL_VERSION, proc, DIRECTION_REPLY, 0, 0, 0, 0, 0, STATUS_ERROR];
  for (const word of [0, ...header]) writer.uint32(word);
  writer.string('');
  writer.string('the daemon gave no answer to this call');
  writer.setUint32(0, writer.pending - LENGTH_SIZE);
  return Buffer.from(writer.take());
}

/** What of a launch's drives must be the same when the session is replayed. */
export function summarize(drives: LaunchConfig['drives']): DriveSummary[] {
  return drives.map(({ readonly, format }) => ({ readonly, format: format ?? '' }));
}
