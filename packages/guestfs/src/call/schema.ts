import { GuestfsError } from '@guestfs/core';
import { z } from 'zod';
import { isSignal } from './check.js';
import type { Signature, SignatureField } from './signature.js';

const schemas = new WeakMap<Signature, z.ZodType>();

const text = z.string('must be a string').refine((value) => !value.includes('\0'), 'must not hold a NUL character');
const int = z
  .number('must be a number')
  .refine((value) => (value | 0) === value, 'must be an integer from -2147483648 to 2147483647');
const int64 = z
  .union([z.bigint(), z.number()], 'must be a bigint, or a safe integer')
  .refine(
    (value) => (typeof value === 'bigint' ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value)),
    'must be a bigint of 64 bits, or a safe integer',
  );
const bytes = z.custom<Uint8Array | string>(
  (value) => typeof value === 'string' || ArrayBuffer.isView(value),
  'must be a Uint8Array or a string',
);

/** What each kind of argument must be, in the words of the errors. */
export const kinds = {
  string: text,
  optstring: text.nullable(),
  stringlist: z.array(text, 'must be an array of strings'),
  bool: z.boolean('must be a boolean'),
  int,
  int64,
  buffer: bytes,
  pointer: z.unknown(),
} satisfies Record<SignatureField['type'], z.ZodType>;

/** What every call takes besides its arguments. */
export const callOptions = {
  signal: z.custom<AbortSignal>(isSignal, 'must be an AbortSignal').optional(),
  onProgress: aFunction().optional(),
};

export function aFunction(): z.ZodType {
  return z.custom((value) => typeof value === 'function', 'must be a function');
}

/** Options of which each has a name that is known. */
export function knownOptions(shape: Readonly<Record<string, z.ZodType>>): z.ZodType {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `is no option of it; these are: ${known}` : 'must be an object',
  });
}

/** The schema of a function's arguments and options, made from its descriptor once. */
function schemaOf(signature: Signature): z.ZodType {
  let schema = schemas.get(signature);
  if (schema === undefined) {
    const args = Object.fromEntries(signature.args.map((field) => [field.name, kinds[field.type]]));
    const optional = Object.fromEntries(signature.optargs.map((field) => [field.name, kinds[field.type].optional()]));
    const options = knownOptions({ ...optional, ...callOptions }).optional();
    schemas.set(signature, (schema = z.object({ args: z.object(args), options })));
  }
  return schema;
}

/** The error for a call whose arguments do not fit. */
export function explainMistake(signature: Signature, args: readonly unknown[], options: unknown): GuestfsError {
  const named = Object.fromEntries(signature.args.map((field, i) => [field.name, args[i]]));
  const mistake = findMistake(signature.name, schemaOf(signature), { args: named, options });
  const operation = signature.name;
  return mistake ?? new GuestfsError('ERR_GUESTFS_ARGUMENT', 'the arguments do not fit', { operation });
}

/** The error for options that do not fit, null where they do. */
export function explainOptions(operation: string, schema: z.ZodType, options: unknown): GuestfsError | null {
  return findMistake(operation, z.object({ options: schema }), { options });
}

function findMistake(operation: string, schema: z.ZodType, value: unknown): GuestfsError | null {
  const issue = schema.safeParse(value).error?.issues[0];
  if (issue === undefined) return null;
  const [group, name, index] = issue.path;
  const key = issue.code === 'unrecognized_keys' ? issue.keys[0] : name;
  const kind = group === 'options' ? 'option' : 'argument';
  const place = index === undefined ? '' : `[${String(index)}]`;
  const what = key === undefined ? String(group) : `${kind} \`${String(key)}${place}\``;
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', `${what} ${issue.message}`, { operation });
}
