import type { GuestFs } from 'guestfs';

export interface Repository {
  branch: string;
  messages: string[];
  changed: string[];
  files: string[];
}

export function makeRepository(fs: GuestFs, dir: string): Promise<void>;
export function readRepository(fs: GuestFs, dir: string): Promise<Repository>;
