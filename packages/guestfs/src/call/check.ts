import type { GuestfsError } from '@guestfs/core';
import { explainMistake } from './schema.js';
import type { Signature, SignatureField } from './signature.js';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/**
 * Finds what no call of the function may carry: ERR_GUESTFS_ARGUMENT, naming function and argument; null where all fits.
 *
 * These checks run at every call, so they are bare comparisons; the zod schema of the function, made when it is first
 * needed, only finds the words for what is wrong.
 */
export function checkCall(signature: Signature, args: readonly unknown[], options: unknown): GuestfsError | null {
  const fields = signature.args;
  for (let i = 0; i < fields.length; i++) {
    if (!fits(fields[i] as SignatureField, args[i])) return explainMistake(signature, args, options);
  }
  if (options !== undefined && !optionsFit(signature, options)) return explainMistake(signature, args, options);
  return null;
}

function fits(field: SignatureField, value: unknown): boolean {
  switch (field.type) {
    case 'string':
      return typeof value === 'string' && !value.includes('\0');
    case 'int':
      return typeof value === 'number' && (value | 0) === value;
    case 'bool':
      return typeof value === 'boolean';
    case 'int64':
      return typeof value === 'bigint' ? value >= INT64_MIN && value <= INT64_MAX : Number.isSafeInteger(value);
    case 'stringlist':
      return Array.isArray(value) && value.every((item) => typeof item === 'string' && !item.includes('\0'));
    case 'buffer':
      return typeof value === 'string' || ArrayBuffer.isView(value);
    case 'optstring':
      return value === null || (typeof value === 'string' && !value.includes('\0'));
    case 'pointer':
      return true;
  }
}

function optionsFit(signature: Signature, options: unknown): boolean {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return false;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (name === 'onProgress') {
      if (typeof value !== 'function') return false;
    } else if (name === 'signal') {
      if (!isSignal(value)) return false;
    } else {
      const field = signature.optargs.find((each) => each.name === name);
      if (field === undefined || !fits(field, value)) return false;
    }
  }
  return true;
}

/** Whether a value can be listened to like an AbortSignal, also one of another realm. */
export function isSignal(value: unknown): boolean {
  const signal = value as { aborted?: unknown; addEventListener?: unknown } | null;
  return (
    typeof signal === 'object' &&
    signal !== null &&
    typeof signal.aborted === 'boolean' &&
    typeof signal.addEventListener === 'function'
  );
}
