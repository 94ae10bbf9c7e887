import type { Procedure } from '../protocol/descriptors.js';

const TEXT_MAX = 60;
const LIST_MAX = 3;

/** A call's arguments for messages: `("/dev/sda", 2)`; long ones shortened, secrets not shown. */
export function describeArguments(procedure: Procedure, values: readonly unknown[]): string {
  const shown = procedure.args.map((field, i) => (field.secret === true ? '***' : describe(values[i])));
  return `(${shown.join(', ')})`;
}

function describe(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > TEXT_MAX ? `${JSON.stringify(value.slice(0, TEXT_MAX))}…` : JSON.stringify(value);
  }
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
  if (Array.isArray(value)) {
    const more = value.length > LIST_MAX ? [`… ${value.length - LIST_MAX} more`] : [];
    return `[${[...value.slice(0, LIST_MAX).map(describe), ...more].join(', ')}]`;
  }
  return typeof value === 'object' && value !== null ? '{…}' : String(value);
}
