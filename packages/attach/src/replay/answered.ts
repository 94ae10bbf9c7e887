import {
  CANCEL_FLAG,
  CHUNK_CANCELLED,
  CHUNK_END,
  HEADER_OFFSET,
  HEADER_SIZE,
  LENGTH_SIZE,
  PROGRESS_FLAG,
  readChunk,
} from '@guestfs/core/protocol';
import type { RecordedCall } from './records.js';
import type { CallRequest } from './request.js';

/** Whether a recording holds a reply to a call, and the whole file where the call gives one: else it would wait for ever. */
export function isAnswered({ early, late }: RecordedCall, transfer: CallRequest['transfer']): boolean {
  const [reply, ...chunks] = [...early, ...late].filter(isMessage);
  if (reply === undefined || reply.length < LENGTH_SIZE + HEADER_SIZE) return false;
  const failed = reply.readUInt32BE(LENGTH_SIZE + HEADER_OFFSET.status) !== 0;
  return transfer !== 'out' || failed || chunks.some(endsFile);
}

function isMessage(frame: Buffer): boolean {
  const word = frame.readUInt32BE();
  return word !== PROGRESS_FLAG && word !== CANCEL_FLAG;
}

function endsFile(frame: Buffer): boolean {
  try {
    const length = readChunk(frame, LENGTH_SIZE, frame.length);
    return length === CHUNK_END || length === CHUNK_CANCELLED;
  } catch {
    // The one who reads it is told what is wrong with it.
    return false;
  }
}
