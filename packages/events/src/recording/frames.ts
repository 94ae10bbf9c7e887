import { concatBytes } from '../bytes.js';
import { reasonOf, GuestfsError } from '../errors.js';
import type { GuestfsErrorCode } from '../errors.js';
import { decodeRecord, ENCODING_VERSION, encodeRecord } from './codec.js';
import type { StreamRecord } from './codec.js';

/** The longest record: nothing longer is written, and a longer one is refused before any memory is taken for it. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

const BIN8 = 0xc4;
const BIN16 = 0xc5;
const BIN32 = 0xc6;

/**
 * One record in its frame, which is a MessagePack `bin`: the length comes first, so a reader knows what is cut off.
 *
 * An event too long for a record becomes a note that one was dropped.
 */
export function encodeFrame(record: StreamRecord): Uint8Array {
  const body = encodeRecord(record);
  const length = body.byteLength;
  if (length > MAX_RECORD_BYTES) return encodeFrame({ kind: 'dropped', count: 1 });
  const prefix = length < 0x100 ? 2 : length < 0x10000 ? 3 : 5;
  const frame = new Uint8Array(prefix + length);
  const view = new DataView(frame.buffer);
  if (prefix === 2) {
    view.setUint8(0, BIN8);
    view.setUint8(1, length);
  } else if (prefix === 3) {
    view.setUint8(0, BIN16);
    view.setUint16(1, length);
  } else {
    view.setUint8(0, BIN32);
    view.setUint32(1, length);
  }
  frame.set(body, prefix);
  return frame;
}

/** The header that begins every stream of events. */
export function encodeHeader(): Uint8Array {
  return encodeFrame({ kind: 'header', version: ENCODING_VERSION, time: Date.now() });
}

/** Cuts a stream of bytes, in chunks of any size, into records. */
export class FrameReader {
  /** Where the next record begins: all bytes before it were whole records. */
  offset = 0;
  readonly #code: GuestfsErrorCode;
  #chunks: Uint8Array[] = [];
  #length = 0;
  #needed = 2;
  #begun: boolean;

  /** `code` is that of its errors. Without `needsHeader` records may come before any header. */
  constructor(code: GuestfsErrorCode, needsHeader = true) {
    this.#code = code;
    this.#begun = !needsHeader;
  }

  /** Bytes of a record of which the rest has not come. */
  get pendingBytes(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.byteLength;
  }

  /** The next record, or undefined until more bytes come. Throws at bytes that are no record, with their offset. */
  next(): StreamRecord | undefined {
    if (this.#length < this.#needed) return undefined;
    const bytes = concatBytes(this.#chunks);
    const frame = this.#frameAt(bytes);
    this.#needed = frame.end;
    if (this.#length < frame.end) {
      this.#chunks = [bytes];
      return undefined;
    }
    const record = this.#decode(bytes.subarray(frame.start, frame.end));
    this.#chunks = frame.end < bytes.byteLength ? [bytes.subarray(frame.end)] : [];
    this.#length -= frame.end;
    this.#needed = 2;
    this.offset += frame.end;
    return record;
  }

  #frameAt(bytes: Uint8Array): { start: number; end: number } {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const kind = view.getUint8(0);
    const start = kind === BIN8 ? 2 : kind === BIN16 ? 3 : kind === BIN32 ? 5 : 0;
    if (start === 0) throw this.#error('there is no record');
    if (bytes.byteLength < start) return { start, end: start };
    const length = start === 2 ? view.getUint8(1) : start === 3 ? view.getUint16(1) : view.getUint32(1);
    if (length > MAX_RECORD_BYTES) throw this.#error(`a record claims ${length} bytes`);
    return { start, end: start + length };
  }

  #decode(bytes: Uint8Array): StreamRecord {
    let record: StreamRecord;
    try {
      record = decodeRecord(bytes);
    } catch (cause) {
      throw this.#error(reasonOf(cause), cause);
    }
    if (record.kind === 'header') this.#checkVersion(record.version);
    else if (!this.#begun) throw this.#error('there is no header');
    return record;
  }

  #checkVersion(version: number): void {
    if (version !== ENCODING_VERSION) {
      throw new GuestfsError(
        this.#code,
        `the events are in version ${version}, this package reads ${ENCODING_VERSION}`,
        {
          hint: 'read them with the release of @guestfs/events that wrote them, or a newer one',
        },
      );
    }
    this.#begun = true;
  }

  #error(what: string, cause?: unknown): GuestfsError {
    return new GuestfsError(this.#code, `not a stream of events, or a damaged one, at byte ${this.offset}: ${what}`, {
      cause,
    });
  }
}
