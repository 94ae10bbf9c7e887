import { onAbort } from '@guestfs/events/internal';
import { GuestfsError } from '@guestfs/core';
import type { DriveConfig } from '@guestfs/core';
import { checkDriveCount, makeDrive, pause, unlessAborted } from '@guestfs/core/appliance';
import { describeArguments, holdDuring } from '@guestfs/core/protocol';
import { checkCall } from './call/check.js';
import { signatures } from './generated/signatures.js';
import { handleOf } from './handle/registry.js';
import { toAddDrive } from './library/handle/drives.js';
import { Guestfs } from './guestfs.js';
import { checkOptions } from './options.js';
import type { DriveOptions, GuestfsOptions } from './options.js';
import { prepareAppliance } from './prepare-appliance.js';

/** The settings of a pool's handles, and how many of them are kept ready. */
export interface GuestfsPoolOptions extends GuestfsOptions {
  /** Handles that are kept launched, 1 to 64; each takes about 200 MB of memory. */
  readonly size: number;
}

export interface AcquireOptions {
  /** Added in this order: the first becomes /dev/sda. */
  readonly drives?: readonly (string | DriveOptions)[] | undefined;
  /** Gives up the wait, or the adding of drives; a handle that was waited for then stays in the pool. */
  readonly signal?: AbortSignal | undefined;
}

/** How long after a failed launch the next one waits, in milliseconds. */
const RETRY_DELAY = 5000;

/**
 * Keeps launched handles ready, for programs that open many images.
 *
 * Every handle is given out once, with an appliance that nobody has used, and belongs to the one that took it: close it
 * when done. The pool launches the next in the background. Close the pool to end the handles that nobody took.
 */
export class GuestfsPool implements AsyncDisposable {
  readonly #size: number;
  readonly #settings: GuestfsOptions;
  readonly #ready: Guestfs[] = [];
  readonly #stop = new AbortController();
  #waiting: ((g: Guestfs | null) => void)[] = [];
  #filling: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  /** Throws `ERR_GUESTFS_ARGUMENT` for a size or an option that is wrong. Launching begins at once. */
  constructor(options: GuestfsPoolOptions) {
    checkOptions('GuestfsPool', options);
    const { size, ...settings } = options;
    this.#size = size;
    this.#settings = settings;
    this.#fill();
  }

  /** How many handles could be taken at once. */
  get ready(): number {
    return this.#ready.length;
  }

  /**
   * Gives out a launched handle with the drives added: one that is ready, else the next that becomes so.
   *
   * Rejects with the errors of `addDrive` and `launch`, with `ERR_GUESTFS_CANCELLED` when the signal is aborted, and with
   * `ERR_GUESTFS_CLOSED` after `close()`.
   */
  async acquire(options: AcquireOptions = {}): Promise<Guestfs> {
    checkOptions('acquire', options);
    return holdDuring(this.#acquire(options));
  }

  /** Ends the handles that nobody took, and all launching; those that were given out go on. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#stop.abort(closedError());
    this.#tellWaiting(null);
    await this.#filling;
    await Promise.all(this.#ready.splice(0).map((g) => g.close()));
  }

  async #acquire({ drives = [], signal }: AcquireOptions): Promise<Guestfs> {
    const configs = drives.map(toConfig);
    checkDriveCount(configs.length);
    // As they were made: the program may change its folder while it waits.
    const open = (): PromiseLike<Guestfs> =>
      Guestfs.open({ ...this.#settings, drives: configs.map(toAddDrive), signal });
    for (;;) {
      this.#check(signal);
      const g = this.#take() ?? (await this.#next(signal));
      // Nothing could be launched ahead: this launch then tells why.
      if (g === null) return open();
      // An appliance that died while it waited is of no use; its place is filled again.
      if (handleOf(g).state !== 'ready') {
        await g.close();
        continue;
      }
      if (configs.length === 0) return g;
      try {
        if (await unlessAborted(handleOf(g).addDrives(configs), signal)) return g;
      } catch (error) {
        await g.close();
        throw signal?.aborted === true ? cancelledError(signal) : error;
      }
      await g.close();
      return open();
    }
  }

  #check(signal: AbortSignal | undefined): void {
    if (this.#stop.signal.aborted) throw closedError();
    if (signal?.aborted === true) throw cancelledError(signal);
  }

  #take(): Guestfs | null {
    const g = this.#ready.shift() ?? null;
    if (g !== null) this.#fill();
    return g;
  }

  /** The next handle that becomes ready; null when launching failed. */
  async #next(signal: AbortSignal | undefined): Promise<Guestfs | null> {
    this.#fill();
    let waiter!: (g: Guestfs | null) => void;
    let withdraw: (() => void) | undefined;
    try {
      const g = await new Promise<Guestfs | null>((resolve, reject) => {
        waiter = resolve;
        const abort = (): void => {
          // At once, or a handle that becomes ready in this very moment would go to nobody.
          this.#forget(waiter);
          reject(signal === undefined ? closedError() : cancelledError(signal));
        };
        this.#waiting.push(waiter);
        withdraw = signal && onAbort(signal, abort);
      });
      if (this.#stop.signal.aborted) {
        await g?.close();
        throw closedError();
      }
      return g;
    } finally {
      withdraw?.();
      this.#forget(waiter);
    }
  }

  #forget(waiter: (g: Guestfs | null) => void): void {
    this.#waiting = this.#waiting.filter((each) => each !== waiter);
  }

  #fill(): void {
    if (this.#filling !== null || this.#stop.signal.aborted) return;
    this.#filling = this.#launchMissing().finally(() => (this.#filling = null));
  }

  async #launchMissing(): Promise<void> {
    const { signal } = this.#stop;
    // Where there can be no template, handles are launched cold.
    await prepareAppliance({ ...this.#settings, signal }).catch(() => undefined);
    while (!signal.aborted && this.#ready.length < this.#size) {
      try {
        this.#offer(await Guestfs.open({ ...this.#settings, signal }));
      } catch {
        this.#tellWaiting(null);
        if (!signal.aborted) await pause(RETRY_DELAY, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  #offer(g: Guestfs): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#ready.push(g);
    else waiter(g);
  }

  #tellWaiting(g: null): void {
    for (const waiter of this.#waiting.splice(0)) waiter(g);
  }
}

function toConfig(drive: string | DriveOptions): DriveConfig {
  const { file, ...options } = typeof drive === 'string' ? { file: drive } : drive;
  const mistake = checkCall(signatures.addDrive, [file], options);
  if (mistake !== null) throw mistake;
  try {
    return makeDrive(file, options);
  } catch (error) {
    if (GuestfsError.is(error)) {
      error.withCall({ operation: 'addDrive', args: describeArguments(signatures.addDrive, [file], { ...options }) });
    }
    throw error;
  }
}

function closedError(): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_CLOSED', 'the pool is closed', { operation: 'acquire' });
}

function cancelledError(signal: AbortSignal): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_CANCELLED', 'waiting for a handle was given up', {
    operation: 'acquire',
    cause: signal.reason,
  });
}
