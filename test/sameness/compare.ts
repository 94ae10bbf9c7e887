import { Buffer } from 'node:buffer';
import type { Canonical } from './canonical.js';
import type { Rule } from './case.js';

/** How a call ended, on either side. */
export type Outcome =
  { readonly result: Canonical } | { readonly error: { readonly errno: string | null; readonly message: string } };

const kind = (value: Canonical): string => {
  if (value === null) return '<null>';
  if (typeof value === 'string') return '<string>';
  if (Array.isArray(value)) return `<list of ${value.length}>`;
  return `<${Object.keys(value)[0]}>`;
};

const isMap = (value: Canonical): value is { readonly map: { readonly [key: string]: Canonical } } =>
  typeof value === 'object' && value !== null && 'map' in value;

const replacedText = (value: string, rule: Rule): string =>
  (rule.text ?? []).reduce((text, [pattern, by]) => text.replaceAll(pattern, by), value);

function replaced(value: Canonical, rule: Rule): Canonical {
  if (typeof value === 'string') return replacedText(value, rule);
  if (Array.isArray(value)) {
    const items = (value as readonly Canonical[]).map((item) => replaced(item, rule));
    return rule.unordered === undefined
      ? items
      : items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (isMap(value)) {
    const items = Object.entries(value.map).map(
      ([key, item]) =>
        [replacedText(key, rule), rule.fields?.includes(key) ? kind(item) : replaced(item, rule)] as const,
    );
    return { map: Object.fromEntries(items) };
  }
  if (value !== null && 'bytes' in value && rule.bytes !== undefined)
    return rule.bytes(Buffer.from(value.bytes, 'base64'));
  return value;
}

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
export function comparable(outcome: Outcome, rule?: Rule): string {
  // Messages are each side's own wording; the errno is what programs act on.
  if ('error' in outcome) return `error ${outcome.error.errno ?? 'without errno'}`;
  if (rule?.kindOnly !== undefined) return kind(outcome.result);
  return JSON.stringify(sorted(rule === undefined ? outcome.result : replaced(outcome.result, rule)));
}
