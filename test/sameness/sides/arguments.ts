import { join } from 'node:path';
import { Host, Received, Saved, Sent, type Argument } from '../case.js';
import { canonical, type Canonical } from '../canonical.js';
import type { Sendable } from './side.js';

/** Puts in what earlier steps saved, or null where that step failed, and the paths on the host in this side's folder. */
export function argumentOf(value: Argument, memory: ReadonlyMap<string, Canonical>, folder: string): Sendable {
  if (value instanceof Sent) return { in: content(value, memory) };
  if (value instanceof Host) return join(folder, value.name);
  if (typeof value === 'boolean') return value;
  if (value instanceof Received) return { out: true };
  if (value instanceof Saved) return part(memory.get(value.name) ?? null, value.path);
  if (Array.isArray(value))
    return (value as readonly Argument[]).map((item) => argumentOf(item, memory, folder) as Canonical);
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
