import type { Reader } from '../xdr/reader.js';
import type { Writer } from '../xdr/writer.js';
import {
  DIRECTION_CALL,
  DIRECTION_REPLY,
  HEADER_OFFSET,
  HEADER_SIZE,
  LENGTH_SIZE,
  PROGRAM,
  PROTOCOL_VERSION,
  STATUS_ERROR,
  STATUS_OK,
} from './constants.js';

/** Where the serial lies in a frame, counted from its length word. */
export const SERIAL_OFFSET = LENGTH_SIZE + HEADER_OFFSET.serial;
const BITMASK_OFFSET = LENGTH_SIZE + HEADER_OFFSET.bitmask;

/** Writes a call's length word and header; the length, the serial and the bitmask are filled in later. */
export function writeCallHeader(writer: Writer, proc: number, progressHint: bigint): void {
  writer.uint32(0);
  writer.uint32(PROGRAM);
  writer.uint32(PROTOCOL_VERSION);
  writer.uint32(proc);
  writer.uint32(DIRECTION_CALL);
  writer.uint32(0);
  if (progressHint === 0n) {
    writer.uint32(0);
    writer.uint32(0);
  } else {
    writer.uint64(progressHint);
  }
  writer.uint32(0);
  writer.uint32(0);
  writer.uint32(STATUS_OK);
}

/** Fills in which optional arguments are set, for the call whose frame starts at `place`. */
export function setBitmask(writer: Writer, place: number, high: number, low: number): void {
  if (high !== 0) writer.setUint32(place + BITMASK_OFFSET, high);
  if (low !== 0) writer.setUint32(place + BITMASK_OFFSET + 4, low);
}

/** What distinguishes one reply from another. */
export interface ReplyHeader {
  proc: number;
  serial: number;
  failed: boolean;
}

/** Whether a frame is a message and not a chunk, which never begins so. */
export function isMessage(bytes: Buffer, start: number, end: number): boolean {
  return end - start >= HEADER_SIZE && bytes.readUInt32BE(start) === PROGRAM;
}

/** Reads a reply's header into `header`; throws when it is not one. */
export function readReplyHeader(reader: Reader, header: ReplyHeader): void {
  reader.at('header');
  const program = reader.uint32();
  if (program !== PROGRAM) throw reader.error(`program 0x${program.toString(16)}`, 4);
  const version = reader.uint32();
  if (version !== PROTOCOL_VERSION) throw reader.error(`protocol version ${version}`, 4);
  header.proc = reader.uint32();
  const direction = reader.uint32();
  if (direction !== DIRECTION_REPLY) throw reader.error(`direction ${direction} where a reply must be`, 4);
  header.serial = reader.uint32();
  // The progress hint and the bitmask mean nothing in a reply.
  reader.uint32();
  reader.uint32();
  reader.uint32();
  reader.uint32();
  const status = reader.uint32();
  if (status !== STATUS_OK && status !== STATUS_ERROR) throw reader.error(`status ${status}`, 4);
  header.failed = status === STATUS_ERROR;
}
