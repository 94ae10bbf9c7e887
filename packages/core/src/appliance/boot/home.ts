import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { LaunchConfig } from '../config/config.js';
import { makePrivateFolder, makeSocketFolder } from '../host/folders.js';
import { registerLive } from '../process/live.js';
import { startWatcher, type Watcher } from '../process/watcher.js';

/**
 * The private folders of one machine and all that makes machine and folders go together with this process: the watcher,
 * and the hooks on the end of the process.
 */
export class MachineHome {
  /** For its sockets and its secrets. */
  readonly folder: string;
  /** For what qemu writes itself: overlays, which may grow large. */
  readonly overlays: string;
  readonly #watcher: Watcher;
  readonly #unregister: () => void;
  readonly #live: { pid: number | undefined; readonly folders: readonly string[] };
  #vacated: Promise<void> | null = null;

  private constructor(folder: string, overlays: string) {
    this.folder = folder;
    this.overlays = overlays;
    this.#live = { pid: undefined, folders: [folder, overlays] };
    this.#unregister = registerLive(this.#live);
    this.#watcher = startWatcher(folder, overlays);
  }

  static open({ sockdir, tmpdir }: Pick<LaunchConfig, 'sockdir' | 'tmpdir'>): MachineHome {
    const folder = makeSocketFolder(sockdir);
    try {
      return new MachineHome(folder, makePrivateFolder(tmpdir, 'the overlays of disks'));
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Names the process that lives here. */
  adopt(pid: number): void {
    this.#live.pid = pid;
    this.#watcher.watch(pid);
  }

  /** Removes the folder; only after the process is gone. Idempotent; a folder that cannot be removed is left. */
  vacate(): Promise<void> {
    this.#vacated ??= this.#vacate();
    return this.#vacated;
  }

  async #vacate(): Promise<void> {
    this.#watcher.forget();
    this.#live.pid = undefined;
    for (const folder of this.#live.folders) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    await this.#watcher.release();
    this.#unregister();
  }
}
