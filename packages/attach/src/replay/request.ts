import type { Procedure, WireField } from '@guestfs/core';
import { HEADER_OFFSET, HEADER_SIZE, procedures, Reader } from '@guestfs/core/protocol';

const byNumber = new Map<number, Procedure>(
  Object.values(procedures).map((procedure) => [procedure.proc, procedure as Procedure]),
);

/** A call as it is kept and compared: without its serial, without keys and passwords. */
export interface CallRequest {
  readonly proc: number;
  /** The method's name; the number where this version does not know the procedure. */
  readonly name: string;
  readonly serial: number;
  /** The message with the serial set to zero and secret arguments cut out. */
  readonly request: Buffer;
  /** The arguments that were cut out, as `method.argument`. */
  readonly secrets: readonly string[];
  readonly transfer: Procedure['transfer'];
}

/** Reads the message of a call, which lies from `start` to `end`. Returns null for what is none. */
export function readCall(bytes: Buffer, start: number, end: number): CallRequest | null {
  if (end - start < HEADER_SIZE) return null;
  const proc = bytes.readUInt32BE(start + HEADER_OFFSET.procedure);
  const serial = bytes.readUInt32BE(start + HEADER_OFFSET.serial);
  const message = Buffer.from(bytes.subarray(start, end));
  message.writeUInt32BE(0, HEADER_OFFSET.serial);
  const procedure = byNumber.get(proc);
  const name = procedure?.name ?? String(proc);
  const { request, secrets } =
    procedure === undefined ? { request: message, secrets: [] } : withoutSecrets(message, procedure);
  return { proc, name, serial, request, secrets, transfer: procedure?.transfer };
}

function withoutSecrets(message: Buffer, { name, args, optargs }: Procedure): { request: Buffer; secrets: string[] } {
  const fields = [...args, ...optargs];
  if (!fields.some(({ secret }) => secret)) return { request: message, secrets: [] };
  const reader = new Reader(message, HEADER_SIZE, message.length);
  const kept: Buffer[] = [message.subarray(0, HEADER_SIZE)];
  const secrets: string[] = [];
  for (const field of fields) {
    const from = message.length - reader.left;
    skip(reader, field);
    if (field.secret) secrets.push(`${name}.${field.name}`);
    else kept.push(message.subarray(from, message.length - reader.left));
  }
  return { request: Buffer.concat(kept), secrets };
}

function skip(reader: Reader, { name, type }: WireField): void {
  reader.at(name);
  switch (type) {
    case 'string':
    case 'key':
    case 'buffer':
      reader.buffer();
      break;
    case 'optstring':
      if (reader.uint32() !== 0) reader.buffer();
      break;
    case 'stringlist':
      for (let left = reader.uint32(); left > 0; left--) reader.buffer();
      break;
    case 'bool':
    case 'int':
      reader.int32();
      break;
    case 'int64':
      reader.int64();
      break;
    default:
      throw unknownType(type);
  }
}

/** A type that is not known here would leave what follows, a secret perhaps, in the recording: for the compiler to see. */
function unknownType(type: never): TypeError {
  return new TypeError(`the type ${String(type)} of an argument is not known`);
}
