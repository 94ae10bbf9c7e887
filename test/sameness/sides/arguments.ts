import { Received, Saved, Sent, type Argument } from '../case.js';
import { canonical, type Canonical } from '../canonical.js';
import type { Sendable } from './side.js';

/** Puts in what earlier steps saved; a step whose source failed gets null, and so fails in a way that can be compared. */
export function argumentOf(value: Argument, memory: ReadonlyMap<string, Canonical>): Sendable {
  if (value instanceof Sent) return { in: content(value, memory) };
  if (typeof value === 'boolean') return value;
  if (value instanceof Received) return { out: true };
  if (value instanceof Saved) return part(memory.get(value.name) ?? null, value.path);
  if (Array.isArray(value)) return (value as readonly Argument[]).map((item) => argumentOf(item, memory) as Canonical);
  return canonical(value);
}

function content(sent: Sent, memory: ReadonlyMap<string, Canonical>): string {
  if (!(sent.content instanceof Saved)) return sent.content.toString('base64');
  const kept = memory.get(sent.content.name) ?? null;
  return typeof kept === 'object' && kept !== null && 'bytes' in kept ? kept.bytes : '';
}

function part(whole: Canonical, path: readonly (string | number)[]): Canonical {
  let value = whole;
  for (const key of path) {
    if (value === null || typeof value !== 'object') return null;
    const inner: unknown = Array.isArray(value) ? value : Object.values(value)[0];
    value = (inner as { readonly [key: string | number]: Canonical | undefined })[key] ?? null;
  }
  return value;
}
