import { decodeMulti, encode } from '@msgpack/msgpack';
import { GuestfsError } from '@guestfs/core';
import type { UploadSummary } from './client-side.js';

/** The version that is written, and the only one that is read. */
export const RECORDING_VERSION = 1;
const FORMAT = 'guestfs-session';

/** What a recording of a session is made of, in the order of the file: a header, then the calls, then the end. */
export type SessionRecord =
  | { kind: 'header'; version: number; time: number; drives: readonly DriveSummary[]; compareUploads: boolean }
  | { kind: 'call'; proc: number; name: string; request: Uint8Array }
  | ({ kind: 'upload' } & UploadSummary)
  /** A frame of the daemon as it is on the wire, with serial 0. */
  | { kind: 'answer'; bytes: Uint8Array }
  /** The connection was lost before the call was answered. */
  | { kind: 'lost' }
  | { kind: 'end'; calls: number; secrets: readonly string[] };

/** What two sessions must have in common: paths differ from one run to another. */
export interface DriveSummary {
  readonly readonly: boolean;
  readonly format: string;
}

/** A call and all that the daemon said to it. */
export interface RecordedCall {
  readonly proc: number;
  readonly name: string;
  readonly request: Buffer;
  upload: UploadSummary | null;
  /** Before the file of the call was sent. */
  readonly early: Buffer[];
  readonly late: Buffer[];
  lost: boolean;
}

export interface Recording {
  readonly drives: readonly DriveSummary[];
  readonly compareUploads: boolean;
  readonly calls: readonly RecordedCall[];
  /** The arguments that were left out. */
  readonly secrets: readonly string[];
}

export function encodeSessionRecord(record: SessionRecord): Uint8Array {
  return encode(record.kind === 'header' ? { format: FORMAT, ...record } : record);
}

/** Reads a whole recording. Throws `ERR_GUESTFS_RECORDING` for one that is cut off, damaged, or of another version. */
export function readRecording(bytes: Uint8Array, file: string): Recording {
  const records = decodeAll(bytes, file);
  const header = records.next().value;
  checkHeader(header, file);
  const calls: RecordedCall[] = [];
  for (const record of records) {
    if (record.kind === 'end') {
      if (record.calls !== calls.length || !records.next().done) break;
      return { drives: header.drives, compareUploads: header.compareUploads, calls, secrets: record.secrets };
    }
    addTo(calls, record, file);
  }
  throw broken(file, 'is cut off', 'record the session anew, and close the handle so that the recording is completed');
}

type Header = SessionRecord & { kind: 'header' };

function checkHeader(
  record: (SessionRecord & { format?: unknown }) | undefined,
  file: string,
): asserts record is Header {
  if (record?.kind !== 'header' || record.format !== FORMAT)
    throw broken(file, 'is no recording of a session', 'make one with recordSession');
  if (record.version !== RECORDING_VERSION) {
    throw broken(
      file,
      `is of version ${String(record.version)}; this package reads version ${RECORDING_VERSION}`,
      'record the session anew with this version',
    );
  }
  if (!Array.isArray(record.drives)) throw broken(file, 'is damaged', 'record the session anew');
}

function addTo(calls: RecordedCall[], record: SessionRecord, file: string): void {
  const last = calls.at(-1);
  if (record.kind === 'call' && record.request instanceof Uint8Array) {
    const { proc, name, request } = record;
    calls.push({ proc, name, request: Buffer.from(request), upload: null, early: [], late: [], lost: false });
  } else if (record.kind === 'upload' && last?.upload === null) {
    last.upload = { bytes: record.bytes, sha256: record.sha256, whole: record.whole };
    last.early.push(...last.late.splice(0));
  } else if (
    record.kind === 'answer' &&
    last !== undefined &&
    record.bytes instanceof Uint8Array &&
    record.bytes.length >= 4
  ) {
    last.late.push(Buffer.from(record.bytes));
  } else if (record.kind === 'lost' && last !== undefined) {
    last.lost = true;
  } else {
    throw broken(file, 'is damaged', 'record the session anew');
  }
}

function* decodeAll(bytes: Uint8Array, file: string): Generator<SessionRecord, undefined> {
  try {
    for (const record of decodeMulti(bytes, { maxArrayLength: 4096, maxMapLength: 32, maxExtLength: 0 })) {
      if (typeof record !== 'object' || record === null || Array.isArray(record))
        throw broken(file, 'is no recording of a session', 'make one with recordSession');
      yield record as SessionRecord;
    }
  } catch (cause) {
    if (GuestfsError.is(cause)) throw cause;
    // The decoder says the same of bytes that are missing and of bytes that are wrong.
    const cut = cause instanceof RangeError || (cause as Error).name === 'RangeError';
    throw broken(file, cut ? 'is cut off' : 'is damaged', 'record the session anew', cause);
  }
  return undefined;
}

function broken(file: string, what: string, hint: string, cause?: unknown): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_RECORDING', `the recording ${file} ${what}`, { hint, cause });
}
