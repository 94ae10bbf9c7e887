import type { Procedure, StructDescriptor, StructFieldType, WireField, WireType } from '@guestfs/core';
import fc from 'fast-check';
import { f32, i32, opaque, strings, u32, u64 } from './wire.js';

/** The daemon's side of the codec, written apart from ours: it takes calls to pieces and makes replies. */
export class Cursor {
  at = 0;
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  u32(): number {
    this.at += 4;
    return this.bytes.readUInt32BE(this.at - 4);
  }

  u64(): bigint {
    this.at += 8;
    return this.bytes.readBigInt64BE(this.at - 8);
  }

  opaque(): Buffer {
    const length = this.u32();
    const data = this.bytes.subarray(this.at, this.at + length);
    this.at += Math.ceil(length / 4) * 4;
    return data;
  }
}

export function readArgument(cursor: Cursor, type: WireType): unknown {
  switch (type) {
    case 'string':
    case 'key':
      return cursor.opaque().toString();
    case 'optstring':
      return cursor.u32() === 1 ? cursor.opaque().toString() : null;
    case 'stringlist':
      return Array.from({ length: cursor.u32() }, () => cursor.opaque().toString());
    case 'bool':
      return cursor.u32() === 1;
    case 'int':
      return cursor.u32() | 0;
    case 'int64':
      return cursor.u64();
    case 'buffer':
      return Buffer.from(cursor.opaque());
  }
}

const text = fc.string({ unit: 'binary', maxLength: 80 }).map((value) => value.replaceAll('\0', ' '));
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytes = fc.uint8Array({ maxLength: 100 }).map((value) => Buffer.from(value));

const ARGUMENTS: Record<WireType, fc.Arbitrary<unknown>> = {
  string: text,
  key: text,
  optstring: fc.option(text),
  stringlist: fc.array(text, { maxLength: 8 }),
  bool: fc.boolean(),
  int: int32,
  int64,
  buffer: bytes,
};

const ABSENT: Record<WireType, unknown> = {
  string: '',
  key: '',
  optstring: null,
  stringlist: [],
  bool: false,
  int: 0,
  int64: 0n,
  buffer: Buffer.alloc(0),
};

export function absentValue(field: WireField): unknown {
  return ABSENT[field.type];
}

/** Any arguments that a procedure takes. */
export function anyArguments(
  procedure: Procedure,
): fc.Arbitrary<{ args: unknown[]; optargs: Record<string, unknown> }> {
  const args = fc.tuple<unknown[]>(...procedure.args.map((field) => ARGUMENTS[field.type]));
  const optional = Object.fromEntries(procedure.optargs.map((field) => [field.name, ARGUMENTS[field.type]]));
  const optargs = fc.record(optional, { requiredKeys: [] }) as fc.Arbitrary<Record<string, unknown>>;
  return fc.record({ args, optargs });
}

/** A value and the bytes that the daemon sends for it. */
export interface Sent {
  readonly value: unknown;
  readonly bytes: Buffer;
}

function sent<T>(arbitrary: fc.Arbitrary<T>, encode: (value: T) => Buffer): fc.Arbitrary<Sent> {
  return arbitrary.map((value) => ({ value, bytes: encode(value) }));
}

const ascii = fc.string({ unit: fc.constantFrom(...'abcXYZ019-'), minLength: 32, maxLength: 32 });

const FIELDS: Record<StructFieldType, fc.Arbitrary<Sent>> = {
  char: fc.constantFrom('d', 'l', '?', 'u').map((value) => ({ value, bytes: i32(value.charCodeAt(0)) })),
  string: sent(text, opaque),
  device: sent(text, opaque),
  buffer: sent(bytes, opaque),
  uint32: sent(fc.integer({ min: 0, max: 2 ** 32 - 1 }), u32),
  int32: sent(int32, i32),
  uint64: sent(uint64, u64),
  int64: sent(int64, u64),
  bytes: sent(uint64, u64),
  uuid: sent(ascii, (value) => Buffer.from(value)),
  optpercent: fc.oneof(
    fc.constant({ value: null, bytes: f32(-1) }),
    sent(
      fc.float({ min: 0, max: 100, noNaN: true }).filter((value) => !Object.is(value, -0)),
      f32,
    ),
  ),
};

/** Any result that a procedure gives. */
export function anyResult(returns: Procedure['returns']): fc.Arbitrary<Sent> {
  switch (returns.kind) {
    case 'void':
      return fc.constant({ value: undefined, bytes: Buffer.alloc(0) });
    case 'bool':
      return sent(fc.boolean(), (value) => u32(value ? 1 : 0));
    case 'int':
      return sent(int32, i32);
    case 'int64':
      return sent(int64, u64);
    case 'string':
      return sent(text, opaque);
    case 'buffer':
      return sent(bytes, opaque);
    case 'stringlist':
      return sent(fc.array(text, { maxLength: 8 }), strings);
    case 'hashtable':
      return sent(fc.dictionary(text, text, { maxKeys: 8 }), (table) => strings(Object.entries(table).flat())).map(
        ({ value, bytes: encoded }) => ({ value: Object.assign(Object.create(null), value), bytes: encoded }),
      );
    case 'struct':
      return anyStruct(returns.struct);
    case 'structlist':
      return fc.array(anyStruct(returns.struct), { maxLength: 5 }).map((items) => ({
        value: items.map((item) => item.value),
        bytes: Buffer.concat([u32(items.length), ...items.map((item) => item.bytes)]),
      }));
  }
}

function anyStruct(struct: StructDescriptor): fc.Arbitrary<Sent> {
  return fc.tuple(...struct.fields.map((field) => FIELDS[field.type])).map((values) => ({
    value: Object.fromEntries(struct.fields.map((field, i) => [field.name, values[i]!.value])),
    bytes: Buffer.concat(values.map((value) => value.bytes)),
  }));
}
