import type { GuestfsError } from '../../protocol/errors.js';
import type { Connection } from '../../protocol/connection/connection.js';
import { DiskFailure, launchError, stalledError, type MachineDisks } from './disk-failure.js';
import type { DiskError, MachineEvent } from './events.js';

/** What a monitor may do with its machine. */
export interface MachineControl {
  /** Lets a machine that was stopped run on. */
  resume(): Promise<unknown>;
  /** qemu's word for what the machine does: `running`, `io-error`, `paused`, `internal-error`. */
  runState(): Promise<string>;
  /** Ends the machine at once. */
  kill(): void;
  /** Lets go of the machine, which nobody follows any more. */
  close(): void;
}

export interface MonitorOptions {
  readonly disks: MachineDisks;
  readonly control: MachineControl;
  readonly warn: (line: string) => void;
  readonly log: (line: string) => void;
}

/** How long a machine may take to go on, and to tell so, in milliseconds. */
const RESUME_LIMIT = 10_000;
/** What is told of a machine that was reset: what ran in it is gone, and its open calls would wait for ever. */
const RESET = 'the machine was reset, and what ran in it is gone';

/** What the kernel says last when it gives up. */
const PANIC = /Kernel panic - not syncing: ([^\r\n]*)/;

/** Run states that no machine leaves by itself or by being told to go on. */
const DEAD_STATES: Readonly<Record<string, string>> = {
  'internal-error': 'qemu stopped it after an internal error',
  'guest-panicked': 'the kernel of the appliance panicked',
  watchdog: 'its watchdog stopped it',
  shutdown: 'it was shut down',
};

/** Why a machine ends, by qemu's word. */
const SHUTDOWNS: Readonly<Record<string, string>> = {
  'guest-reset': 'the appliance restarted itself, which ends it',
  'guest-shutdown': 'the appliance powered itself off',
  'guest-panic': 'the kernel of the appliance panicked',
  'host-signal': 'a signal from outside told qemu to end',
  'host-qmp-quit': 'a command from outside told qemu to end',
  'host-qmp-system-reset': 'a command from outside reset the machine, which ends it',
};

/**
 * Follows what a machine tells of itself, and passes it on: to the calls that wait for it, and to the user.
 *
 * A machine that stops since a disk of the host cannot be written loses nothing: its open calls reject, and each later
 * call has it try again. One that was stopped by somebody else is waited for, until it is to be shut down.
 */
export class MachineMonitor {
  /** Resolves, never rejects, when the machine stops for a disk for the first time. */
  readonly stopped: Promise<GuestfsError>;
  /** Resolves, never rejects, when the machine tells that it ends. */
  readonly over: Promise<void>;
  readonly #options: MonitorOptions;
  #disks: MachineDisks;
  #connection: Connection | null = null;
  #status: 'running' | 'stopping' | 'stopped' | 'resuming' = 'running';
  /** The disks that the machine stopped for, by device. */
  readonly #failures = new Map<string, DiskFailure>();
  /** A call wants the machine to go on, which was not told yet that it stopped. */
  #wanted = false;
  #deadline: NodeJS.Timeout | undefined;
  #story: string | null = null;
  /** qemu was told from outside to end, and does so. */
  #ending = false;
  /** It is to be shut down, and stands still for nobody. */
  #kept = false;
  #heard = true;
  readonly #told = new Set<string>();
  #tellStopped!: (error: GuestfsError) => void;
  #tellOver!: () => void;

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#disks = options.disks;
    this.stopped = new Promise((resolve) => (this.#tellStopped = resolve));
    this.over = new Promise((resolve) => (this.#tellOver = resolve));
  }

  /** How the machine ended, for people: what was seen of it, and why where its console or its events tell. */
  explainEnd(seen: string, console: string): string {
    const panic = PANIC.exec(console)?.[1];
    const story = panic === undefined ? this.#story : `the kernel of the appliance panicked: ${panic}`;
    return story === null ? seen : `${story} (${seen})`;
  }

  /** From now on the calls of this connection are told when the machine stands still. */
  attach(connection: Connection): void {
    this.#connection = connection;
    if (this.#failures.size > 0) this.#stall();
    else if (this.#status === 'stopped') void this.#explainStop();
  }

  /** The machine has got other disks. */
  changeDisks(drives: MachineDisks['drives']): void {
    this.#disks = { ...this.#disks, drives };
  }

  /** From now on a machine that somebody else stops goes on, so that it can be shut down in order; else it is ended. */
  keepRunning(): void {
    if (this.#kept || !this.#heard) return;
    this.#kept = true;
    if (this.#status === 'stopped' && this.#failures.size === 0) this.#insist();
  }

  /** Takes notice of nothing more: the machine is being ended from here. */
  close(): void {
    if (!this.#heard) return;
    this.#heard = false;
    clearTimeout(this.#deadline);
    this.#options.control.close();
  }

  /** Asks what the machine does, where events may have been missed. */
  async look(): Promise<void> {
    const state = await this.#options.control.runState().catch(() => 'running');
    if (this.#heard && this.#status === 'running' && state !== 'running') this.#hasStopped();
  }

  read(event: MachineEvent): void {
    if (!this.#heard) return;
    const { warn, log } = this.#options;
    switch (event.kind) {
      case 'disk':
        return this.#diskError(event.error);
      case 'stopped':
        return this.#hasStopped();
      case 'resumed':
        return this.#hasResumed();
      case 'reset':
        log('the machine was reset');
        return this.#connection === null ? undefined : this.#abandon(RESET);
      case 'shutdown':
        this.#story ??= SHUTDOWNS[event.reason] ?? null;
        this.#ending = !event.guest;
        this.#tellOver();
        return log(`the machine shuts down (${event.reason || 'no reason given'})`);
      case 'panicked':
        this.#story = 'the kernel of the appliance panicked';
        return warn(this.#story);
      case 'watchdog':
        this.#story = `the watchdog of the appliance expired (${event.action})`;
        return warn(this.#story);
    }
  }

  #diskError(error: DiskError): void {
    const failure = new DiskFailure(error, this.#disks);
    if (error.action !== 'stop') {
      const guest = error.action === 'report' ? 'the appliance was told of an I/O error' : 'the error was ignored';
      return this.#tell(`${failure.message}; ${guest}`);
    }
    this.#tell(`${failure.message}; the appliance is paused`);
    this.#failures.set(error.device, failure);
    if (this.#status !== 'stopped') this.#status = 'stopping';
    this.#tellStopped(launchError(failure));
    this.#stall();
  }

  /** Warns once: a damaged disk gives the same error often, and a full one each time that the machine tries again. */
  #tell(line: string): void {
    if (this.#told.has(line)) return this.#options.log(line);
    this.#told.add(line);
    this.#options.warn(line);
  }

  #stall(): void {
    clearTimeout(this.#deadline);
    this.#wanted = false;
    const failures = [...this.#failures.values()];
    this.#connection?.stall({ failure: (where) => stalledError(failures, where), retry: () => this.#retry() });
  }

  #hasStopped(): void {
    const before = this.#status;
    this.#status = 'stopped';
    if (this.#failures.size === 0) void this.#explainStop();
    else if (this.#wanted) this.#resume();
    else if (before === 'resuming') this.#stall();
  }

  #hasResumed(): void {
    clearTimeout(this.#deadline);
    const stopped = this.#status !== 'running';
    this.#status = 'running';
    this.#wanted = false;
    this.#failures.clear();
    if (stopped) this.#options.log('the machine runs again');
    this.#connection?.proceed();
  }

  /** A machine that is told to go on before it has stopped would not repeat what failed. */
  #retry(): void {
    if (this.#status === 'resuming' || this.#wanted) return;
    this.#deadline = setTimeout(() => this.#giveUp('it did not go on'), RESUME_LIMIT);
    if (this.#status === 'stopped') this.#resume();
    else this.#wanted = true;
  }

  #resume(): void {
    this.#wanted = false;
    this.#status = 'resuming';
    this.#options.control.resume().catch((error: unknown) => this.#giveUp(String((error as Error).message)));
  }

  /** Has a machine go on that somebody else stopped. */
  #insist(): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#giveUp('it did not go on'), RESUME_LIMIT);
    this.#resume();
  }

  #giveUp(why: string): void {
    if (!this.#heard || this.#status === 'running') return;
    clearTimeout(this.#deadline);
    if (this.#failures.size === 0) return this.#abandon(`it was stopped from outside and cannot go on: ${why}`);
    this.#options.log(`the machine cannot go on: ${why}`);
    if (this.#status === 'resuming') this.#status = 'stopped';
    this.#stall();
  }

  /** A machine that stops and has told no reason: there are those from which nothing comes back. */
  async #explainStop(): Promise<void> {
    // While it is started, the machine is stopped and resumed from here.
    if (this.#connection === null || this.#ending) return;
    const state = await this.#options.control.runState().catch(() => null);
    // Where nobody answers, qemu is ending.
    if (state === null || !this.#heard || this.#status !== 'stopped' || this.#failures.size > 0) return;
    const dead = DEAD_STATES[state];
    if (state === 'io-error') {
      this.#diskError({ device: '', operation: 'write', action: 'stop', nospace: false, reason: '' });
    } else if (dead !== undefined) {
      this.#abandon(dead);
    } else if (this.#kept) {
      this.#insist();
    } else {
      this.#options.warn(`the machine was stopped from outside (${state}); calls wait until it is continued`);
    }
  }

  /** Ends a machine from which nothing comes back. */
  #abandon(why: string): void {
    this.#story ??= why;
    this.#options.warn(`the machine cannot go on: ${why}`);
    this.#options.control.kill();
  }
}
