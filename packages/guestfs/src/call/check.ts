import { GuestfsError } from '@guestfs/core';
import { argumentTypes, explainArgument } from '@guestfs/core/protocol';
import type { Signature, SignatureField } from './signature.js';

/** What every call takes besides its arguments. */
export const CALL_OPTIONS = {
  signal: { accepts: isSignal, message: 'must be an AbortSignal' },
  onProgress: { accepts: isFunction, message: 'must be a function' },
} as const;

/**
 * Finds what no call of the function may carry: ERR_GUESTFS_ARGUMENT, naming function and argument; null where all fits.
 *
 * These checks run at every call, so they only compare; the words are sought for what is wrong.
 */
export function checkCall(signature: Signature, args: readonly unknown[], options: unknown): GuestfsError | null {
  const fields = signature.args;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] as SignatureField;
    if (!fits(field, args[i])) return explain(signature, 'argument', field, args[i]);
  }
  return options === undefined ? null : checkOptions(signature, options);
}

function checkOptions(signature: Signature, options: unknown): GuestfsError | null {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    return refused(signature.name, 'options must be an object');
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (name === 'signal' || name === 'onProgress') {
      const { accepts, message } = CALL_OPTIONS[name];
      if (!accepts(value)) return refused(signature.name, `option \`${name}\` ${message}`);
      continue;
    }
    const field = signature.optargs.find((each) => each.name === name);
    if (field === undefined) return refused(signature.name, `option \`${name}\` ${unknownOption(known(signature))}`);
    if (!fits(field, value)) return explain(signature, 'option', field, value);
  }
  return null;
}

function fits({ type }: SignatureField, value: unknown): boolean {
  return type === 'pointer' || argumentTypes[type].accepts(value);
}

function explain(signature: Signature, kind: string, { name, type }: SignatureField, value: unknown): GuestfsError {
  // A pointer is never refused.
  const { message, index } = explainArgument(type as Exclude<typeof type, 'pointer'>, value);
  const item = index === undefined ? '' : `[${index}]`;
  return refused(signature.name, `${kind} \`${name}${item}\` ${message}`);
}

function known(signature: Signature): string[] {
  return [...signature.optargs.map(({ name }) => name), ...Object.keys(CALL_OPTIONS)];
}

/** What is said of an option that there is not. */
export function unknownOption(names: readonly string[]): string {
  return `is no option of it; these are: ${names.join(', ')}`;
}

function refused(operation: string, message: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', message, { operation });
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

/** Whether a value can be listened to like an AbortSignal, also one of another realm. */
function isSignal(value: unknown): boolean {
  const signal = value as { aborted?: unknown; addEventListener?: unknown } | null;
  return (
    typeof signal === 'object' &&
    signal !== null &&
    typeof signal.aborted === 'boolean' &&
    typeof signal.addEventListener === 'function'
  );
}
