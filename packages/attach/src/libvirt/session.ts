import { GuestfsError, type Connection, type Session, type SessionEnd } from '@guestfs/core';
import { orNull, type MachineHome, type MachineMonitor, type Tail } from '@guestfs/core/appliance';
import { holdDuring } from '@guestfs/core/protocol';
import type { VirshShell } from './shell.js';

/** How long libvirt may take to end the machine in order, in milliseconds. */
const GRACE = 20_000;

/** How long libvirt may take to tell why a machine ended, in milliseconds. */
const LAST_WORDS = 2000;

export interface LibvirtSessionOptions {
  readonly connection: Connection;
  readonly shell: VirshShell;
  /** The domain's. */
  readonly name: string;
  readonly home: MachineHome;
  readonly monitor: MachineMonitor;
  /** What the appliance's console said last. */
  readonly console: Tail;
  readonly cleanUp: () => void;
}

/** An appliance that libvirt runs for us. */
export class LibvirtSession implements Session {
  readonly connection: Connection;
  readonly pid = null;
  readonly ended: Promise<SessionEnd>;
  readonly #shell: VirshShell;
  readonly #name: string;
  readonly #monitor: MachineMonitor;
  #killed = false;
  #shutdown: Promise<void> | null = null;

  constructor({ connection, shell, name, home, monitor, console, cleanUp }: LibvirtSessionOptions) {
    this.connection = connection;
    this.#shell = shell;
    this.#name = name;
    this.#monitor = monitor;
    monitor.attach(connection);
    connection.explainLossBy(async () => {
      await orNull(LAST_WORDS, monitor.over);
      const reason = monitor.explainEnd('the daemon closed the connection', console.text);
      return new GuestfsError('ERR_GUESTFS_CONNECTION_LOST', `the appliance is gone: ${reason}`, {
        hint: 'add the drives and launch again',
        log: console.lines(),
      });
    });
    // What happened before its events were told.
    void monitor.look();
    this.ended = this.#watch(home, console, cleanUp);
  }

  keepRunning(): void {
    this.#monitor.keepRunning();
  }

  shutdown(): Promise<void> {
    this.#shutdown ??= holdDuring(this.connection.close().then(() => this.ended.then(() => undefined)));
    return this.#shutdown;
  }

  kill(): void {
    this.#killed = true;
    this.#monitor.close();
    this.#shell.kill();
    this.connection.destroy();
    void holdDuring(this.ended);
  }

  async #watch(home: MachineHome, console: Tail, cleanUp: () => void): Promise<SessionEnd> {
    const shellGone = this.#shell.ended.then(() => {
      const reason = this.#monitor.explainEnd('virsh, which kept the machine, is gone', console.text);
      this.connection.destroy(new Error(reason));
    });
    const { expected, reason } = await this.connection.closed;
    this.#monitor.close();
    if (!this.#killed) await this.#endMachine();
    await shellGone;
    cleanUp();
    await home.vacate();
    return { expected, reason: expected ? 'ended from here' : reason.reason };
  }

  /** As SIGTERM, so that qemu writes its caches back; an end of virsh ends the machine in any case. */
  async #endMachine(): Promise<void> {
    const timer = setTimeout(() => this.#shell.kill(), GRACE);
    await this.#shell.run(['destroy', '--domain', this.#name, '--graceful']).catch(() => undefined);
    await this.#shell.quit();
    clearTimeout(timer);
  }
}
