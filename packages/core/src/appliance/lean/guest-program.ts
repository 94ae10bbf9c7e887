import { readFile } from 'node:fs/promises';
import type { HostCpu } from '../qemu/architecture.js';

const FOLDERS: Readonly<Partial<Record<HostCpu, string>>> = { x86_64: 'x64', aarch64: 'arm64' };

/** One of the two programs of `native/` that run in the appliance; null for a CPU that they are not built for. */
export async function guestProgram(name: 'guest-init' | 'guest-helper', cpu: HostCpu): Promise<Buffer | null> {
  const folder = FOLDERS[cpu];
  if (folder === undefined) return null;
  // From `src` and from `dist` alike, the package's root is three folders up.
  return readFile(new URL(`../../../native/bin/${folder}/${name}`, import.meta.url));
}
