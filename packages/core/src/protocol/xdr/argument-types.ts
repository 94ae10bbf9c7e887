import type { WireType } from '../wire/descriptors.js';

/** What an argument of a type may be, and what the error says of a value that it may not be. */
export interface ArgumentType {
  readonly accepts: (value: unknown) => boolean;
  /** Never shows the value, which may be a key. */
  readonly mistake: (value: unknown) => string;
}

/** What is wrong with an argument. */
export interface ArgumentMistake {
  readonly message: string;
  /** The item of the list that it is about. */
  readonly index?: number;
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** A string without NUL: the daemon's strings end there. */
const string: ArgumentType = {
  accepts: (value) => typeof value === 'string' && !value.includes('\0'),
  mistake: (value) => (typeof value === 'string' ? 'must not hold a NUL character' : 'must be a string'),
};

/** A key may be any bytes; what the daemon makes of them is the concern of who sends it. */
const key: ArgumentType = {
  accepts: (value) => ArrayBuffer.isView(value) || string.accepts(value),
  mistake: (value) => (typeof value === 'string' ? string.mistake(value) : 'must be a string or a Uint8Array'),
};

export const argumentTypes: Readonly<Record<WireType, ArgumentType>> = {
  string,
  key,
  optstring: { accepts: (value) => value === null || string.accepts(value), mistake: string.mistake },
  stringlist: {
    accepts: (value) => Array.isArray(value) && value.every(string.accepts),
    mistake: () => 'must be an array of strings',
  },
  bool: { accepts: (value) => typeof value === 'boolean', mistake: () => 'must be a boolean' },
  int: {
    accepts: (value) => typeof value === 'number' && (value | 0) === value,
    mistake: (value) =>
      typeof value === 'number' ? 'must be an integer from -2147483648 to 2147483647' : 'must be a number',
  },
  int64: {
    accepts: (value) =>
      typeof value === 'bigint' ? value >= INT64_MIN && value <= INT64_MAX : Number.isSafeInteger(value),
    mistake: (value) =>
      typeof value === 'number' || typeof value === 'bigint'
        ? 'must be a bigint of 64 bits, or a safe integer'
        : 'must be a bigint, or a safe integer',
  },
  buffer: {
    accepts: (value) => typeof value === 'string' || ArrayBuffer.isView(value),
    mistake: () => 'must be a Uint8Array or a string',
  },
};

/** What is wrong with a value that its type does not accept; in a list the first item that is wrong. */
export function explainArgument(type: WireType, value: unknown): ArgumentMistake {
  const index = type === 'stringlist' && Array.isArray(value) ? value.findIndex((item) => !string.accepts(item)) : -1;
  if (index < 0) return { message: argumentTypes[type].mistake(value) };
  return { message: string.mistake((value as unknown[])[index]), index };
}
