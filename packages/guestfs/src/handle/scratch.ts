import { closeSync, ftruncateSync, mkdtempSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { folderHint, registerLive, startWatcher } from '@guestfs/core/appliance';
import type { Watcher } from '@guestfs/core/appliance';
import { hostError } from '../files/sources.js';

/** A folder for the scratch disks of a handle: it goes with the handle, and with the process however that ends. */
export class ScratchFolder {
  readonly #parent: string;
  #made: { folder: string; watcher: Watcher; unregister: () => void } | null = null;
  #count = 0;

  constructor(parent: string) {
    this.#parent = parent;
  }

  /** Makes an empty sparse file of a size in bytes, and returns its path. */
  makeDisk(size: bigint): string {
    try {
      this.#made ??= this.#make();
      const path = join(this.#made.folder, `scratch${++this.#count}.img`);
      const file = openSync(path, 'wx', 0o600);
      try {
        ftruncateSync(file, Number(size));
      } finally {
        closeSync(file);
      }
      return path;
    } catch (cause) {
      const hint = folderHint('tmpdir', this.#parent, cause);
      throw hostError('addDriveScratch', `no scratch disk could be made in ${this.#parent}`, cause, hint);
    }
  }

  /** Removes all disks; never rejects. */
  async remove(): Promise<void> {
    const made = this.#made;
    if (made === null) return;
    this.#made = null;
    await rm(made.folder, { recursive: true, force: true }).catch(() => undefined);
    made.unregister();
    await made.watcher.release();
  }

  #make(): { folder: string; watcher: Watcher; unregister: () => void } {
    const folder = mkdtempSync(join(this.#parent, 'guestfs-scratch-'));
    return { folder, watcher: startWatcher(folder), unregister: registerLive({ folders: [folder] }) };
  }
}
