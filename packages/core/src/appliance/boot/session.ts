import type { Socket } from 'node:net';
import type { MachineMonitor } from '../monitor/monitor.js';
import type { Connection } from '../../protocol/connection/connection.js';
import { GuestfsError } from '../../protocol/errors.js';
import { orNull } from '../../waiting/within.js';
import { holdDuring } from '../../protocol/keep-alive.js';
import type { Session, SessionEnd } from '../config/backend.js';
import type { MachineHome } from './home.js';
import type { MachineProcess } from './machine-process.js';

/** How long qemu may stay after the daemon's connection ended by itself, in milliseconds: it often tells why. */
const LAST_WORDS = 2000;

export interface MachineSessionOptions {
  readonly connection: Connection;
  /** The connection's, which ends with the daemon. */
  readonly socket: Socket;
  readonly machine: MachineProcess;
  readonly home: MachineHome;
  readonly monitor: MachineMonitor;
  readonly addDrives?: Session['addDrives'];
}

/** A machine of ours whose daemon is up. */
export class MachineSession implements Session {
  readonly addDrives?: Session['addDrives'];
  readonly connection: Connection;
  readonly pid: number | null;
  readonly ended: Promise<SessionEnd>;
  readonly #machine: MachineProcess;
  readonly #monitor: MachineMonitor;
  /** What calls are told that were open when the machine went. */
  readonly #loss: Promise<GuestfsError>;
  #tellLoss!: (loss: GuestfsError) => void;
  #ending: 'shutdown' | 'kill' | null = null;
  #shutdown: Promise<void> | null = null;

  constructor({ connection, socket, machine, home, monitor, addDrives }: MachineSessionOptions) {
    this.addDrives = addDrives;
    this.connection = connection;
    this.pid = machine.pid;
    this.#machine = machine;
    this.#monitor = monitor;
    this.#loss = new Promise((resolve) => (this.#tellLoss = resolve));
    monitor.attach(connection);
    connection.explainLossBy(() => this.#loss);
    this.ended = this.#watch(socket, home);
  }

  keepRunning(): void {
    this.#monitor.keepRunning();
  }

  shutdown(): Promise<void> {
    this.#shutdown ??= holdDuring(this.#end());
    return this.#shutdown;
  }

  kill(): void {
    this.#ending ??= 'kill';
    this.#monitor.close();
    this.#machine.kill();
    void holdDuring(this.ended);
  }

  async #end(): Promise<void> {
    this.#ending ??= 'shutdown';
    await this.connection.close().catch(() => undefined);
    this.#monitor.close();
    await this.#machine.stop();
    await this.ended;
  }

  async #watch(socket: Socket, home: MachineHome): Promise<SessionEnd> {
    const machine = this.#machine;
    const disconnected = new Promise<null>((resolve) => {
      if (socket.closed) resolve(null);
      else socket.once('close', () => resolve(null));
    });
    let end = await Promise.race([machine.ended, disconnected]);
    if (end === null && this.#ending === null) {
      end = await orNull(LAST_WORDS, machine.ended);
      if (end === null) void machine.stop();
    }
    const expected = this.#ending !== null;
    const reason = this.#monitor.explainEnd(
      end === null ? 'the daemon closed the connection' : `qemu ${end.description}`,
      machine.console.text,
    );
    const loss = lost(reason, machine);
    this.#tellLoss(loss);
    await machine.ended;
    this.#monitor.close();
    if (!expected) this.connection.destroy(loss);
    await home.vacate();
    return { expected, reason: expected ? `ended by ${this.#ending}` : reason };
  }
}

function lost(reason: string, machine: MachineProcess): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_CONNECTION_LOST', `the appliance is gone: ${reason}`, {
    hint: 'add the drives and launch again',
    log: machine.console.lines(),
  });
}
