import type { OptionalArguments } from '../wire/codec.js';
import type { WireField } from '../wire/descriptors.js';

type Field = Pick<WireField, 'name' | 'secret'>;

const TEXT_MAX = 60;
const LIST_MAX = 3;

/**
 * A call's arguments for messages, the optional ones that were given last: `("/dev/sda", 2, { label: "data" })`; long ones
 * shortened, secrets not shown.
 */
export function describeArguments(
  { args, optargs }: { readonly args: readonly Field[]; readonly optargs: readonly Field[] },
  values: readonly unknown[],
  optional: OptionalArguments = {},
): string {
  const shown = args.map((field, i) => describeField(field, values[i]));
  const given = optargs.filter(({ name }) => optional[name] !== undefined);
  if (given.length > 0) {
    shown.push(
      `{ ${given.map((field) => `${field.name}: ${describeField(field, optional[field.name])}`).join(', ')} }`,
    );
  }
  return `(${shown.join(', ')})`;
}

function describeField(field: Field, value: unknown): string {
  return field.secret === true ? '***' : describe(value);
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
