import { Operation } from '@guestfs/core';
import type { RunControl } from '@guestfs/core';
import type { EventCallback, EventListener, EventName, EventsMethod } from '@guestfs/events';
import { rejected } from './call/operations.js';
import { createGuestFs } from './fs/index.js';
import type { GuestFs } from './fs/index.js';
import { GuestfsMethods } from './generated/methods.js';
import { Handle } from './handle/handle.js';
import { PrivateData } from './handle/private-data.js';
import { registerHandle } from './handle/registry.js';
import { applyOptions, checkOptions, optionMistake } from './options.js';
import type { DriveOptions, GuestfsOptions, OpenOptions } from './options.js';

/**
 * A virtual appliance and the disks given to it: every function of guestfs is a method.
 *
 * Add drives, `launch()`, then look at and change what is on them; `close()` (or `await using`) writes everything out
 * and ends the appliance. Functions return an {@link Operation}: a promise that can be watched and cancelled. They may
 * be issued without waiting and run in that order; one issued while the appliance starts waits for it. A failure is a
 * `GuestfsError`, which the operation rejects with; the functions that return at once throw it.
 *
 * A handle keeps the process alive only while something is awaited of it: a launch, a call, a close.
 *
 * When the appliance ends, on its own or by `shutdown()`, the drives are forgotten and the handle can be used anew.
 */
export class Guestfs extends GuestfsMethods implements AsyncDisposable {
  readonly #handle: Handle;
  readonly #private = new PrivateData();
  #fs: GuestFs | null = null;

  /**
   * Makes a handle with the settings of the environment (LIBGUESTFS_*), and over these the given ones.
   *
   * Throws `ERR_GUESTFS_ENVIRONMENT` for a variable, and `ERR_GUESTFS_ARGUMENT` for an option, that cannot be understood.
   */
  constructor(options: GuestfsOptions = {}) {
    checkOptions('Guestfs', options);
    const handle = new Handle(options.environment ?? process.env);
    super(handle);
    this.#handle = handle;
    registerHandle(this, handle);
    applyOptions(handle, options);
  }

  /**
   * Makes a handle, adds the drives, and launches it; when one of these fails, the handle is closed.
   *
   * Progress is that of the launch.
   */
  static open(options: OpenOptions = {}): Operation<Guestfs> {
    const mistake = optionMistake('open', options);
    if (mistake !== null) return rejected('open', mistake);
    const { drives, signal, onProgress, ...settings } = options;
    return Operation.run('open', { signal, onProgress }, async (control) => {
      const g = new this(settings);
      try {
        await g.#start(drives ?? [], control);
        return g;
      } catch (error) {
        await g.close();
        throw error;
      }
    });
  }

  /**
   * Calls the listener for every event of a class from now on; its argument's type follows from the name.
   *
   * One for `close` that is added after it is called all the same.
   */
  on<Name extends EventName>(name: Name, listener: EventListener<Name>): this {
    this.#handle.emitter.on(name, listener);
    return this;
  }

  /** Calls the listener for the next event of a class only. */
  once<Name extends EventName>(name: Name, listener: EventListener<Name>): this {
    this.#handle.emitter.once(name, listener);
    return this;
  }

  /** Removes a listener. */
  off<Name extends EventName>(name: Name, listener: EventListener<Name>): this {
    this.#handle.emitter.off(name, listener);
    return this;
  }

  /** How many listeners, callbacks and iterators get a class of events. */
  listenerCount(name: EventName): number {
    return this.#handle.emitter.listenerCount(name);
  }

  /**
   * Calls a function for every event of the classes in a mask of `GUESTFS_EVENT`; returns a number to delete it by.
   *
   * Throws `ERR_GUESTFS_ARGUMENT` for flags other than 0, a mask that is empty or unknown, and what is not a function, and
   * `ERR_GUESTFS_CLOSED` once the handle is closed.
   */
  setEventCallback(callback: EventCallback, mask: number, flags = 0): number {
    return this.#handle.emitter.setEventCallback(callback, mask, flags);
  }

  /** Removes what `setEventCallback` added. */
  deleteEventCallback(handle: number): void {
    this.#handle.emitter.deleteEventCallback(handle);
  }

  /**
   * Iterates over the events of the named classes, or of a mask, from now on, until the handle is closed.
   *
   * Options: `signal`, `capacity` and `overflow` of the queue; what is dropped is counted.
   */
  readonly events: EventsMethod = ((...args: Parameters<EventsMethod>) =>
    this.#handle.emitter.events(...args)) as EventsMethod;

  /**
   * The files of the guest in the shape of node:fs, promises and callbacks alike: for libraries that take an `fs`.
   *
   * Mount what it shall show first. Its errors are those of node:fs, with the GuestfsError as `cause`.
   */
  get fs(): GuestFs {
    return (this.#fs ??= createGuestFs(this));
  }

  /**
   * Keeps a value of the program's own with this handle, under a name; null or undefined removes it.
   *
   * The values outlive `close`, so that what listens for it can use them.
   */
  setPrivate(key: string, value: unknown): void {
    this.#private.set(key, value);
  }

  /** The value that `setPrivate` kept under a name, null where there is none. */
  getPrivate(key: string): unknown {
    return this.#private.get(key);
  }

  /**
   * Begins a walk over the private values: returns the first name and value, null where there is none.
   *
   * Go on with `nextPrivate`, or iterate with `privateData`.
   */
  firstPrivate(): [key: string, value: unknown] | null {
    return this.#private.first();
  }

  /** The next name and value of the walk, null at its end. Throws `ERR_GUESTFS_STATE` when a value was set meanwhile. */
  nextPrivate(): [key: string, value: unknown] | null {
    return this.#private.next();
  }

  /** Iterates over the private values. Throws `ERR_GUESTFS_STATE` when a value was set meanwhile. */
  privateData(): IterableIterator<[key: string, value: unknown]> {
    return this.#private.entries();
  }

  /**
   * Ends everything: syncs the disks where autosync is on, ends the appliance, sends the `close` event, and removes
   * temporary files. Calls that were issued before are waited for.
   *
   * Never rejects: call `shutdown()` before it to learn whether all was written. Idempotent. A handle that is open when the
   * program ends is closed then; where the process exits it is flushed for some seconds at most (docs/closing.md).
   */
  close(): Promise<void> {
    return this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #start(drives: readonly (string | DriveOptions)[], control: RunControl): Promise<void> {
    for (const drive of drives) {
      if (typeof drive === 'string') this.addDrive(drive);
      else {
        const { file, ...options } = drive;
        this.addDrive(file, options);
      }
    }
    await this.launch(control.callOptions);
  }
}
