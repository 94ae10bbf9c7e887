import { GuestfsError } from '../errors.js';
import type { Reader } from '../xdr/reader.js';
import type { Writer } from '../xdr/writer.js';
import { MESSAGE_MAX } from './constants.js';
import type { Procedure, WireField, WireType } from './descriptors.js';
import { setBitmask, writeCallHeader } from './header.js';
import { resultReader } from './results.js';

/** From where to where the bytes of a secret argument lie in a frame. */
export interface SecretRange {
  readonly start: number;
  readonly end: number;
}

/** How one procedure's calls are written and its replies are read. */
export interface ProcedureCodec {
  /**
   * Writes a whole call frame, with serial 0, and returns where it starts.
   *
   * Throws ERR_GUESTFS_ARGUMENT or ERR_GUESTFS_MESSAGE_TOO_LARGE with the argument's name; nothing is written then.
   */
  encode(
    writer: Writer,
    args: readonly unknown[],
    optargs: OptionalArguments | undefined,
    progressHint: bigint,
  ): number;
  /** Reads what follows the header of an ok reply. */
  decode(reader: Reader): unknown;
  readonly hasSecret: boolean;
  /** Where secrets lie in the frame that `encode` wrote last. */
  secrets(): readonly SecretRange[];
}

export type OptionalArguments = Readonly<Record<string, unknown>>;

const codecs = new WeakMap<Procedure, ProcedureCodec>();

/** The codec of a procedure; made once for each descriptor. */
export function codecOf(procedure: Procedure): ProcedureCodec {
  let codec = codecs.get(procedure);
  if (codec === undefined) codecs.set(procedure, (codec = compile(procedure)));
  return codec;
}

type Write = (writer: Writer, value: unknown) => void;

const WRITERS: Record<WireType, Write> = {
  string: (writer, value) => writer.string(value),
  key: (writer, value) => (typeof value === 'string' ? writer.string(value) : writer.buffer(value)),
  optstring: (writer, value) => {
    if (value === null || value === undefined) return writer.uint32(0);
    writer.uint32(1);
    writer.string(value);
  },
  stringlist: (writer, value) => writer.strings(value),
  bool: (writer, value) => writer.bool(value),
  int: (writer, value) => writer.int32(value),
  int64: (writer, value) => writer.int64(value),
  buffer: (writer, value) => writer.buffer(value),
};

/** What stands in the place of an optional argument that is not set. */
const ABSENT: Record<WireType, unknown> = {
  string: '',
  key: '',
  optstring: null,
  stringlist: [],
  bool: false,
  int: 0,
  int64: 0n,
  buffer: '',
};

function compile(procedure: Procedure): ProcedureCodec {
  const { args, optargs, proc } = procedure;
  const names = new Set(optargs.map((field) => field.name));
  const hasSecret = [...args, ...optargs].some((field) => field.secret === true);
  let secrets: SecretRange[] = [];

  const write = (writer: Writer, place: number, field: WireField, value: unknown): void => {
    writer.path = field.name;
    const start = writer.pending - place;
    WRITERS[field.type](writer, value);
    if (field.secret) secrets.push({ start, end: writer.pending - place });
  };

  const writeOptional = (writer: Writer, place: number, given: OptionalArguments | undefined): void => {
    if (given !== undefined) refuseUnknown(names, given);
    let high = 0;
    let low = 0;
    optargs.forEach((field, i) => {
      const value = given?.[field.name];
      if (value !== undefined && i < 32) low |= 1 << i;
      if (value !== undefined && i >= 32) high |= 1 << (i - 32);
      write(writer, place, field, value === undefined ? ABSENT[field.type] : value);
    });
    setBitmask(writer, place, high >>> 0, low >>> 0);
  };

  return {
    hasSecret,
    secrets: () => secrets,
    decode: resultReader(procedure.returns),
    encode(writer, values, given, progressHint) {
      const place = writer.begin(4 + MESSAGE_MAX);
      if (hasSecret) secrets = [];
      try {
        writer.path = 'header';
        writeCallHeader(writer, proc, progressHint);
        for (let i = 0; i < args.length; i++) write(writer, place, args[i]!, values[i]);
        if (values.length > args.length) throw surplus(values.length, args.length);
        if (optargs.length > 0 || given !== undefined) writeOptional(writer, place, given);
      } catch (error) {
        writer.rewind(place);
        throw error;
      }
      writer.setUint32(place, writer.pending - place - 4);
      return place;
    },
  };
}

function refuseUnknown(names: ReadonlySet<string>, given: OptionalArguments): void {
  for (const name of Object.keys(given)) {
    if (names.has(name) || given[name] === undefined) continue;
    const known = names.size === 0 ? 'it takes none' : `it takes ${[...names].join(', ')}`;
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `unknown optional argument ${name}; ${known}`);
  }
}

function surplus(given: number, taken: number): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', `${given} arguments given where ${taken} are taken`);
}
