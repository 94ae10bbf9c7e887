import type { Connection, Session, SessionEnd } from '@guestfs/core';
import { holdDuring, type MachineHome } from '@guestfs/core/internal';
import type { VirshShell } from './shell.js';

/** How long libvirt may take to end the machine in order, in milliseconds. */
const GRACE = 20_000;

/** An appliance that libvirt runs for us. */
export class LibvirtSession implements Session {
  readonly connection: Connection;
  readonly pid = null;
  readonly ended: Promise<SessionEnd>;
  readonly #shell: VirshShell;
  readonly #name: string;
  #killed = false;
  #shutdown: Promise<void> | null = null;

  constructor(connection: Connection, shell: VirshShell, name: string, home: MachineHome, cleanUp: () => void) {
    this.connection = connection;
    this.#shell = shell;
    this.#name = name;
    this.ended = this.#watch(home, cleanUp);
  }

  shutdown(): Promise<void> {
    this.#shutdown ??= holdDuring(this.connection.close().then(() => this.ended.then(() => undefined)));
    return this.#shutdown;
  }

  kill(): void {
    this.#killed = true;
    this.#shell.kill();
    this.connection.destroy();
    void holdDuring(this.ended);
  }

  async #watch(home: MachineHome, cleanUp: () => void): Promise<SessionEnd> {
    const shellGone = this.#shell.ended.then(() =>
      this.connection.destroy(new Error('virsh, which kept the machine, is gone')),
    );
    const { expected, reason } = await this.connection.closed;
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
