import { rm } from 'node:fs/promises';
import { makePrivateFolder } from '../host/folders.js';
import { registerLive } from '../process/live.js';
import { startWatcher, type Watcher } from '../process/watcher.js';

/**
 * The private folder of one machine (its socket, its secrets) and all that makes machine and folder go together with
 * this process: the watcher, and the hooks on exit and signals.
 */
export class MachineHome {
  readonly folder: string;
  readonly #watcher: Watcher;
  readonly #unregister: () => void;
  readonly #live: { pid: number | undefined; readonly folder: string; flush?: (() => Promise<void>) | undefined };
  #vacated: Promise<void> | null = null;

  private constructor(folder: string) {
    this.folder = folder;
    this.#live = { pid: undefined, folder };
    this.#unregister = registerLive(this.#live);
    this.#watcher = startWatcher(folder);
  }

  static async open(sockdir: string): Promise<MachineHome> {
    return new MachineHome(await makePrivateFolder(sockdir, 'the socket of the appliance'));
  }

  /** Names the process that lives here. */
  adopt(pid: number): void {
    this.#live.pid = pid;
    this.#watcher.watch(pid);
  }

  /** What to do first when this process is told to end by a signal: write to the disks what is pending. */
  onSignal(flush: (() => Promise<void>) | undefined): void {
    this.#live.flush = flush;
  }

  /** Removes the folder; only after the process is gone. Idempotent; a folder that cannot be removed is left. */
  vacate(): Promise<void> {
    this.#vacated ??= this.#vacate();
    return this.#vacated;
  }

  async #vacate(): Promise<void> {
    this.#watcher.forget();
    this.#live.pid = undefined;
    await rm(this.folder, { recursive: true, force: true }).catch(() => undefined);
    await this.#watcher.release();
    this.#unregister();
  }
}
