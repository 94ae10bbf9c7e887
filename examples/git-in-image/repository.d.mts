import type nodeFs from 'node:fs';
import type { GuestFs } from 'guestfs';

export interface Repository {
  branch: string;
  messages: string[];
  changed: string[];
  files: string[];
}

export function makeRepository(fs: GuestFs | typeof nodeFs, dir: string): Promise<void>;
export function readRepository(fs: GuestFs | typeof nodeFs, dir: string): Promise<Repository>;
