import { Buffer } from 'node:buffer';
import type { Canonical } from './canonical.js';
import type { KernelDisks } from './kernel-disks.js';
import type { Rule } from './rule.js';

/** How a call ended, on either side. */
export type Outcome =
  { readonly result: Canonical } | { readonly error: { readonly errno: string | null; readonly message: string } };

/** What is known of the machine on which a call ran. */
export interface Machine {
  readonly disks: KernelDisks;
  /** When the machine was started, in milliseconds since the epoch. */
  readonly started: number;
}

const DEVICE_NUMBERS = new Set(['dev', 'st_dev', 'fsid']);
/** Neither machine's clock is the host's to the second. */
const CLOCK_TOLERANCE = 60_000;

type Int = { readonly int: string };
type StringMap = { readonly map: { readonly [key: string]: Canonical } };
const isMap = (value: Canonical): value is StringMap => typeof value === 'object' && value !== null && 'map' in value;
const isInt = (value: Canonical): value is Int => typeof value === 'object' && value !== null && 'int' in value;
const byText = (a: Canonical, b: Canonical): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

const kind = (value: Canonical): string => {
  if (value === null) return '<null>';
  if (typeof value === 'string') return '<string>';
  if (Array.isArray(value)) return `<list of ${value.length}>`;
  return `<${Object.keys(value)[0]}>`;
};

/** Puts what the rule allows to differ into a form that is the same on every machine. */
class Levelling {
  readonly #tokens = new Map<string, number>();

  constructor(
    private readonly rule: Rule,
    private readonly machine: Machine,
  ) {}

  value(value: Canonical): Canonical {
    if (typeof value === 'string') return this.#text(value);
    if (Array.isArray(value)) {
      const items = (value as readonly Canonical[]).map((item) => this.value(item));
      return this.rule.unordered === undefined ? items : items.sort(byText);
    }
    if (isMap(value)) {
      const items = Object.entries(value.map).map(([key, item]) => [this.#text(key), this.#field(key, item)] as const);
      return { map: Object.fromEntries(items) };
    }
    if (value !== null && 'bytes' in value && this.rule.bytes !== undefined)
      return this.#text(this.rule.bytes(Buffer.from(value.bytes, 'base64')));
    return value;
  }

  #field(key: string, value: Canonical): Canonical {
    if (this.rule.fields?.includes(key)) return kind(value);
    if (this.rule.times?.includes(key)) return this.#time(key, value);
    if (this.rule.tokens?.includes(key) && isInt(value)) return this.#token(value.int);
    if (this.rule.kernelDisks && isInt(value) && DEVICE_NUMBERS.has(key))
      return this.machine.disks.ofNumber(BigInt(value.int)) ?? value;
    return this.value(value);
  }

  #text(value: string): string {
    const text = this.rule.kernelDisks ? this.machine.disks.inText(value) : value;
    return (this.rule.text ?? []).reduce((replaced, [pattern, by]) => replaced.replaceAll(pattern, by), text);
  }

  /** A reading of the clock in this run; every other time stays as it is. */
  #time(key: string, value: Canonical): Canonical {
    if (key.endsWith('_nsec')) return isInt(value) && /^\d{1,9}$/.test(value.int) ? '<nanoseconds>' : value;
    const time = isInt(value) ? Number(value.int) * 1000 : typeof value === 'string' ? Date.parse(zoned(value)) : NaN;
    const { started } = this.machine;
    return time > started - CLOCK_TOLERANCE && time < Date.now() + CLOCK_TOLERANCE ? '<now>' : value;
  }

  /** Zero means that there is none. */
  #token(number: string): Canonical {
    if (number === '0') return { int: '0' };
    if (!this.#tokens.has(number)) this.#tokens.set(number, this.#tokens.size + 1);
    return `<${this.#tokens.get(number)}>`;
  }
}

const zoned = (time: string): string => (/[+-]\d{4}$/.test(time) ? time : `${time} UTC`);

const sorted = (value: Canonical): Canonical => {
  if (Array.isArray(value)) return (value as readonly Canonical[]).map(sorted);
  if (!isMap(value)) return value;
  return {
    map: Object.fromEntries(
      Object.entries(value.map)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, item]) => [key, sorted(item)]),
    ),
  };
};

/** The text by which two outcomes are compared: equal texts are equal outcomes. */
export function comparable(outcome: Outcome, machine: Machine, rule?: Rule): string {
  // Messages are each side's own wording; the errno is what programs act on.
  if ('error' in outcome) return `error ${outcome.error.errno ?? 'without errno'}`;
  return JSON.stringify(
    sorted(rule === undefined ? outcome.result : new Levelling(rule, machine).value(outcome.result)),
  );
}
