import { Decoder, Encoder } from '@msgpack/msgpack';
import { asBuffer, toText } from '../bytes.js';
import { createEvent } from '../create.js';
import { reasonOf } from '../errors.js';
import { EVENT_BITS, EVENT_NAMES } from '../events.js';
import type { EventName, GuestfsEvent } from '../events.js';
import { makeProgress } from '../progress/progress.js';

/** The version of the encoding that this package writes, and the only one that it reads. */
export const ENCODING_VERSION = 1;

const MAGIC = 'guestfs-events';
const HEADER = 0;
const EVENT = 1;
const DROPPED = 2;
const END = 3;
const ACK = 4;

/** What a stream of events is made of. */
export type StreamRecord =
  | { kind: 'header'; version: number; time: number }
  | { kind: 'event'; event: GuestfsEvent }
  /** So many events are missing here. */
  | { kind: 'dropped'; count: number }
  /** The writer stopped in order. */
  | { kind: 'end' }
  /** The receiver of a bridge took so many messages. */
  | { kind: 'ack'; count: number };

const encoder = new Encoder({ useBigInt64: true });
const decoder = new Decoder({ useBigInt64: true, maxArrayLength: 64, maxMapLength: 0, maxExtLength: 0 });
const nameOfBit = new Map<unknown, EventName>(EVENT_NAMES.map((name) => [EVENT_BITS[name], name]));

/** One record as MessagePack, without its frame, in memory that the next call uses again. */
export function encodeRecord(record: StreamRecord): Uint8Array {
  switch (record.kind) {
    case 'header':
      return encoder.encodeSharedRef([HEADER, MAGIC, record.version, record.time]);
    case 'event':
      return encoder.encodeSharedRef([EVENT, record.event.bit, record.event.time, ...payloadOf(record.event)]);
    case 'dropped':
      return encoder.encodeSharedRef([DROPPED, record.count]);
    case 'end':
      return encoder.encodeSharedRef([END]);
    case 'ack':
      return encoder.encodeSharedRef([ACK, record.count]);
  }
}

/** The record that {@link encodeRecord} made. Throws an Error that says what is wrong with the bytes. */
export function decodeRecord(bytes: Uint8Array): StreamRecord {
  const fields = decoder.decode(bytes);
  if (!Array.isArray(fields)) throw new Error('a record is not an array');
  const [kind, ...rest] = fields as unknown[];
  switch (kind) {
    case HEADER:
      if (rest[0] !== MAGIC) throw new Error('the header is that of something else');
      return { kind: 'header', version: count(rest[1], 'version'), time: Number(rest[2]) };
    case EVENT:
      return { kind: 'event', event: decodeEvent(rest) };
    case DROPPED:
      return { kind: 'dropped', count: count(rest[0], 'count') };
    case END:
      return { kind: 'end' };
    case ACK:
      return { kind: 'ack', count: count(rest[0], 'count') };
    default:
      throw new Error('a record is of an unknown kind');
  }
}

function payloadOf(event: GuestfsEvent): unknown[] {
  switch (event.type) {
    case 'progress': {
      const { proc, serial, position, total, operation, phase } = event;
      const payload = [null, [proc, serial, position, total], operation];
      return phase === undefined ? payload : [...payload, phase];
    }
    case 'subprocessQuit':
      return [null, null, event.reason, event.expected];
    case 'warning':
      return event.cause === undefined ? [event.buffer] : [event.buffer, null, encodeCause(event.cause)];
    default:
      return event.buffer.byteLength === 0 ? [] : [event.buffer];
  }
}

function decodeEvent([bit, at, message, numbers, first, second]: unknown[]): GuestfsEvent {
  const name = nameOfBit.get(bit);
  if (name === undefined) throw new Error('an event is of an unknown class');
  if (typeof at !== 'number') throw new Error('an event has no time');
  const buffer = asBuffer(bytesOf(message));
  switch (name) {
    case 'progress':
      return createEvent.progress(decodeProgress(numbers, first, second), at);
    case 'subprocessQuit':
      return createEvent.subprocessQuit({ reason: string(first, 'reason'), expected: second === true }, at);
    case 'appliance':
      return createEvent.appliance(buffer, at);
    case 'warning':
      return createEvent.warning(buffer, first === undefined ? undefined : decodeCause(first), at);
    case 'close':
    case 'launchDone':
      return createEvent[name](at);
    case 'library':
    case 'trace':
      return createEvent[name](buffer, at);
    case 'enter':
    case 'libvirtAuth':
      return createEvent[name](toText(buffer), at);
  }
}

function decodeProgress(numbers: unknown, operation: unknown, phase: unknown): ReturnType<typeof makeProgress> {
  if (!Array.isArray(numbers) || numbers.length !== 4) throw new Error('a progress event has not four numbers');
  const [proc, serial, position, total] = numbers as unknown[];
  return makeProgress({
    proc: count(proc, 'proc'),
    serial: count(serial, 'serial'),
    position: bigint(position, 'position'),
    total: bigint(total, 'total'),
    operation: string(operation, 'operation'),
    phase: phase === undefined ? undefined : string(phase, 'phase'),
  });
}

/** An error's name, message and code are kept; of another value, how it reads. */
function encodeCause(cause: unknown): unknown[] {
  const message = reasonOf(cause);
  try {
    const { name, code } = cause as { name?: unknown; code?: unknown };
    return [typeof name === 'string' ? name : 'Error', message, typeof code === 'string' ? code : null];
  } catch {
    return ['Error', message, null];
  }
}

function decodeCause(fields: unknown): Error {
  if (!Array.isArray(fields)) throw new Error('the cause of a warning is not an array');
  const [name, message, code] = fields as unknown[];
  const cause = new Error(string(message, 'message'));
  cause.name = string(name, 'name');
  return code === null ? cause : Object.assign(cause, { code: string(code, 'code') });
}

function bytesOf(value: unknown): Uint8Array {
  if (value === undefined || value === null) return new Uint8Array(0);
  if (value instanceof Uint8Array) return value;
  throw new Error('the message of an event is not bytes');
}

function string(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  throw new Error(`${field} is not a string`);
}

function count(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${field} is not a whole number`);
}

function bigint(value: unknown, field: string): bigint {
  if (typeof value === 'bigint') return value;
  throw new Error(`${field} is not a 64-bit number`);
}
