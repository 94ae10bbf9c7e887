import { reasonOf } from '@guestfs/events';
import type { OptionalArguments, Signature, SignatureField } from './signature.js';

const LONGEST = 256;

/** The trace line of a call: `name "text" 5 true "option:value"`; keys and passwords are hidden. */
export function formatCall(signature: Signature, args: readonly unknown[], options?: OptionalArguments): string {
  let line = signature.name;
  signature.args.forEach((field, i) => {
    line += ` ${formatArgument(field, args[i])}`;
  });
  for (const field of signature.optargs) {
    const value = options?.[field.name];
    if (value === undefined) continue;
    line += ` "${field.name}:${field.secret === true ? '***' : bare(value)}"`;
  }
  return line;
}

/** The trace line of a call that ended: `name = result`. */
export function formatResult(name: string, value: unknown): string {
  return `${name} = ${formatValue(value)}`;
}

/** The trace line of a call that failed: `name = -1 (error)`. */
export function formatFailure(name: string, error: unknown): string {
  // What was called is in the line before.
  const [first = ''] = reasonOf(error).split('\n');
  return `${name} = -1 (${first})`;
}

function formatArgument(field: SignatureField, value: unknown): string {
  if (field.secret === true) return '***';
  if (Array.isArray(value)) return `"${value.map(String).join(' ')}"`;
  return formatValue(value);
}

function formatValue(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return '0';
    case 'string':
      return quote(value);
    case 'boolean':
      return value ? '1' : '0';
    case 'number':
    case 'bigint':
      return String(value);
  }
  if (value === null) return 'null';
  if (ArrayBuffer.isView(value)) return quoteBytes(value);
  if (Array.isArray(value)) return formatList(value);
  return formatStruct(value as Record<string, unknown>);
}

function formatList(values: readonly unknown[]): string {
  let line = '';
  for (const [i, value] of values.entries()) {
    if (line.length > LONGEST) return `[${line}, … ${values.length} in all]`;
    line += `${i === 0 ? '' : ', '}${formatValue(value)}`;
  }
  return `[${line}]`;
}

function formatStruct(value: Record<string, unknown>): string {
  const fields = Object.entries(value).map(([name, field]) => `${name}: ${formatValue(field)}`);
  return `{ ${fields.join(', ')} }`;
}

function quote(text: string): string {
  if (text.length <= LONGEST) return `"${text}"`;
  return `"${text.slice(0, LONGEST)}" (cut, ${text.length} characters in all)`;
}

function quoteBytes(view: ArrayBufferView): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const text = bytes.subarray(0, LONGEST).toString('latin1');
  return bytes.length <= LONGEST ? `"${text}"` : `"${text}" (cut, ${bytes.length} bytes in all)`;
}

function bare(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join(' ') : String(value);
}
