import type { Reader } from '../xdr/reader.js';
import type { StructDescriptor, StructFieldType, WireReturn } from './descriptors.js';

type Read = (reader: Reader) => unknown;

/** Makes the function that reads a reply's value, up to the end of the message. */
export function resultReader(returns: WireReturn): Read {
  const read = valueReader(returns);
  return (reader) => {
    reader.at('result');
    const value = read(reader);
    reader.finish();
    return value;
  };
}

function valueReader(returns: WireReturn): Read {
  switch (returns.kind) {
    case 'void':
      return () => undefined;
    case 'bool':
      return (reader) => reader.bool();
    case 'int':
      return (reader) => reader.int32();
    case 'int64':
      return (reader) => reader.int64();
    case 'string':
      return (reader) => reader.string();
    case 'buffer':
      return (reader) => reader.buffer();
    case 'stringlist':
      return (reader) => reader.strings();
    case 'hashtable':
      return readHashtable;
    case 'struct':
      return structReader(returns.struct);
    case 'structlist':
      return structListReader(returns.struct);
  }
}

function readHashtable(reader: Reader): Record<string, string> {
  const list = reader.strings();
  if (list.length % 2 !== 0) throw reader.error(`a hashtable of ${list.length} strings, which is odd`);
  const table = Object.create(null) as Record<string, string>;
  for (let i = 0; i < list.length; i += 2) table[list[i]!] = list[i + 1]!;
  return table;
}

const FIELD_READERS: Record<StructFieldType, Read> = {
  char: readChar,
  string: (reader) => reader.string(),
  device: (reader) => reader.string(),
  buffer: (reader) => reader.buffer(),
  uint32: (reader) => reader.uint32(),
  int32: (reader) => reader.int32(),
  uint64: (reader) => reader.uint64(),
  int64: (reader) => reader.int64(),
  bytes: (reader) => reader.uint64(),
  uuid: (reader) => reader.fixedText(32),
  optpercent: readPercent,
};

/** The least that a field takes on the wire, in bytes. */
const FIELD_SIZES: Record<StructFieldType, number> = {
  char: 4,
  string: 4,
  device: 4,
  buffer: 4,
  uint32: 4,
  int32: 4,
  uint64: 8,
  int64: 8,
  bytes: 8,
  uuid: 32,
  optpercent: 4,
};

/** A C char, sent as an int: signed or not, as the daemon's machine has it. */
function readChar(reader: Reader): string {
  const value = reader.int32();
  if (value < -128 || value > 255) throw reader.error(`${value} where a char must be`, 4);
  const byte = value & 0xff;
  return String.fromCharCode(byte < 0x80 ? byte : 0xdc00 | byte);
}

function readPercent(reader: Reader): number | null {
  const value = reader.float32();
  return value === -1 ? null : value;
}

function structReader(struct: StructDescriptor): Read {
  const names = struct.fields.map((field) => field.name);
  const readers = struct.fields.map((field) => FIELD_READERS[field.type]);
  return (reader) => {
    const value: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      reader.field = name;
      value[name] = readers[i]!(reader);
    }
    reader.field = '';
    return value;
  };
}

/** Makes the function that reads one struct: some functions send structs in a file, one after the other. */
export const structDecoder: (struct: StructDescriptor) => Read = structReader;

function structListReader(struct: StructDescriptor): Read {
  const read = structReader(struct);
  const size = struct.fields.reduce((sum, field) => sum + FIELD_SIZES[field.type], 0);
  return (reader) => {
    const count = reader.count(size);
    const list = new Array<unknown>(count);
    for (let i = 0; i < count; i++) {
      reader.index = i;
      list[i] = read(reader);
    }
    reader.index = -1;
    return list;
  };
}
