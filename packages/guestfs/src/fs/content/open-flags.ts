import { constants } from 'node:fs';
import { invalid } from '../paths.js';

/** What flags such as `'w'` or `O_RDWR | O_CREAT` ask for. */
export interface OpenMode {
  readonly read: boolean;
  readonly write: boolean;
  readonly append: boolean;
  readonly create: boolean;
  readonly exclusive: boolean;
  readonly truncate: boolean;
}

const { O_ACCMODE, O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_EXCL, O_TRUNC } = {
  O_ACCMODE: 3,
  ...constants,
};

const NAMED: Readonly<Record<string, number>> = {
  r: O_RDONLY,
  'r+': O_RDWR,
  w: O_WRONLY | O_CREAT | O_TRUNC,
  'w+': O_RDWR | O_CREAT | O_TRUNC,
  a: O_WRONLY | O_CREAT | O_APPEND,
  'a+': O_RDWR | O_CREAT | O_APPEND,
  wx: O_WRONLY | O_CREAT | O_TRUNC | O_EXCL,
  'wx+': O_RDWR | O_CREAT | O_TRUNC | O_EXCL,
  ax: O_WRONLY | O_CREAT | O_APPEND | O_EXCL,
  'ax+': O_RDWR | O_CREAT | O_APPEND | O_EXCL,
};

/** Reads flags as node:fs does; an `s` for synchronous writing is accepted and means nothing here. */
export function parseFlags(flags: string | number | null | undefined): OpenMode {
  const bits = typeof flags === 'number' ? flags : NAMED[normalise(flags ?? 'r')];
  if (bits === undefined)
    throw invalid('ERR_INVALID_ARG_VALUE', `The argument 'flags' is invalid. Received '${flags}'`);
  const access = bits & O_ACCMODE;
  return {
    read: access !== O_WRONLY,
    write: access !== O_RDONLY,
    append: (bits & O_APPEND) !== 0,
    create: (bits & O_CREAT) !== 0,
    exclusive: (bits & O_EXCL) !== 0,
    truncate: (bits & O_TRUNC) !== 0,
  };
}

/** `sr+`, `rs+`, `xa` and the like, in the order of the table. */
function normalise(flags: string): string {
  const letters = flags.replace('s', '');
  return letters.replace(/^x([wa])/, '$1x').replace(/^([wa])\+x$/, '$1x+');
}

/** A mode given as a number or as octal digits. */
export function parseMode(mode: unknown, otherwise: number): number {
  if (mode === undefined || mode === null) return otherwise;
  const value = typeof mode === 'string' && /^[0-7]+$/.test(mode) ? parseInt(mode, 8) : mode;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value & 0o7777;
  throw invalid('ERR_INVALID_ARG_VALUE', `The argument 'mode' must be a 32-bit unsigned integer or an octal string.`);
}
