import { Buffer } from 'node:buffer';

/** A value in the one form in which both sides are compared; also what travels to the peer, a line of JSON each. */
export type Canonical =
  | null
  | string
  | { readonly int: string }
  | { readonly float: string }
  | { readonly bytes: string }
  | { readonly map: { readonly [key: string]: Canonical } }
  | readonly Canonical[];

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
export const camel = (name: string): string =>
  name.replaceAll(/_([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** A structure's fields are renamed to upstream's; the keys of a hash table (no prototype) are data and stay. */
const entries = (value: object): [string, Canonical][] =>
  Object.entries(value).map(([key, item]) => [
    Object.getPrototypeOf(value) === null ? key : snake(key),
    canonical(item),
  ]);

/** What a method of this SDK returned. Upstream's bindings have no booleans on the wire's return: they are ints there. */
export function canonical(value: unknown): Canonical {
  if (value === null || value === undefined) return null;
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
      return { int: value ? '1' : '0' };
    case 'bigint':
      return { int: String(value) };
    case 'number':
      return Number.isInteger(value) ? { int: String(value) } : { float: String(value) };
    case 'object':
      if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('base64') };
      if (Array.isArray(value)) return value.map(canonical);
      return { map: Object.fromEntries(entries(value)) };
    default:
      throw new TypeError(`no canonical form for a ${typeof value}`);
  }
}

/** An argument as a method of this SDK takes it. */
export function argument(value: Canonical | boolean): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return (value as readonly Canonical[]).map(argument);
  if ('int' in value) {
    const big = BigInt(value.int);
    return Number.isSafeInteger(Number(big)) ? Number(big) : big;
  }
  if ('bytes' in value) return Buffer.from(value.bytes, 'base64');
  throw new TypeError(`not an argument: ${JSON.stringify(value)}`);
}
