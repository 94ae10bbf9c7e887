import { GuestfsError } from '@guestfs/core';
import { argumentTypes } from '@guestfs/core/protocol';
import { z } from 'zod';
import { CALL_OPTIONS, unknownOption } from './call/check.js';

/** What an option may be whose type is that of an argument. */
export const optionTypes = {
  string: likeArgument('string'),
  stringlist: z.array(likeArgument('string'), argumentTypes.stringlist.mistake(undefined)),
  bool: likeArgument('bool'),
  int: likeArgument('int'),
};

/** What every call takes besides its arguments. */
export const callOptions = {
  signal: z.custom(CALL_OPTIONS.signal.accepts, CALL_OPTIONS.signal.message).optional(),
  onProgress: aFunction().optional(),
};

export function aFunction(): z.ZodType {
  return z.custom(CALL_OPTIONS.onProgress.accepts, CALL_OPTIONS.onProgress.message);
}

/** Options of which each has a name that is known. */
export function knownOptions(shape: Readonly<Record<string, z.ZodType>>): z.ZodType {
  const unknown = unknownOption(Object.keys(shape));
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? unknown : 'must be an object'),
  });
}

/** The error for options that do not fit, null where they do. */
export function explainOptions(operation: string, schema: z.ZodType, options: unknown): GuestfsError | null {
  const issue = schema.safeParse(options).error?.issues[0];
  if (issue === undefined) return null;
  const [name, index] = issue.path;
  const key = issue.code === 'unrecognized_keys' ? issue.keys[0] : name;
  const place = index === undefined ? '' : `[${String(index)}]`;
  const what = key === undefined ? 'options' : `option \`${String(key)}${place}\``;
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', `${what} ${issue.message}`, { operation });
}

function likeArgument(type: 'string' | 'bool' | 'int'): z.ZodType {
  const { accepts, mistake } = argumentTypes[type];
  return z.custom(accepts, { error: ({ input }) => mistake(input) });
}
