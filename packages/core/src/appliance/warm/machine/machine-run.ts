import { join } from 'node:path';
import type { Socket } from 'node:net';
import { GuestfsError } from '../../../protocol/errors.js';
import { unlessAborted } from '../../../waiting/give-up.js';
import { orNull, within } from '../../../waiting/within.js';
import { QmpClient } from '../../qmp/client.js';
import type { QmpVersion } from '../../qmp/messages.js';
import { ApplianceListener } from '../../boot/listener.js';
import { MachineHome } from '../../boot/home.js';
import { MachineProcess } from '../../boot/machine-process.js';
import type { MachineDisks } from '../../monitor/disk-failure.js';
import type { MachineMonitor } from '../../monitor/monitor.js';
import { monitorQemu } from '../../monitor/qemu.js';
import type { ProcessEnd } from '../../process/run.js';
import type { WarmMachine } from './machine.js';

/** A qemu of which machine protocol, daemon port and helper port are connected. */
export interface WarmRun {
  readonly home: MachineHome;
  readonly machine: MachineProcess;
  readonly qmp: QmpClient;
  readonly monitor: MachineMonitor;
  readonly version: QmpVersion;
  readonly daemon: Socket;
  readonly helper: Socket;
}

export interface RunOptions {
  readonly qemu: string;
  readonly sockdir: string;
  readonly tmpdir: string;
  readonly pgroup: boolean;
  readonly signal: AbortSignal;
  /** How long qemu may take until all its sockets are connected, in milliseconds, and the error when it takes longer. */
  readonly start: { readonly limit: number; readonly late: () => Error };
  /** All of qemu's arguments, once the sockets and the private folder are known. */
  readonly args: (sockets: WarmMachine['sockets'], home: MachineHome) => Promise<readonly string[]>;
  readonly output: (bytes: Buffer) => void;
  readonly disks: MachineDisks;
  readonly warn: (line: string) => void;
  readonly log: (line: string) => void;
}

/** qemu ended, was refused or was given up before it did its work. */
export class RunFailure extends Error {
  /** What qemu wrote. */
  readonly stderr: string;
  /** How qemu ended; null where it ran on until it was killed from here. */
  readonly end: ProcessEnd | null;

  constructor(machine: MachineProcess, end: ProcessEnd | null, cause?: unknown) {
    const seen = cause instanceof Error ? cause.message : String(cause);
    super(end === null ? seen : `qemu ${end.description}`, { cause });
    this.stderr = machine.stderr.text;
    this.end = end;
  }
}

/**
 * Starts qemu, connects all its sockets, and hands it to `use`. When that fails, qemu ends meanwhile, or it stops for want
 * of room on a disk, it is killed and everything temporary removed before this rejects.
 */
export async function runMachine<T>(options: RunOptions, use: (run: WarmRun) => Promise<T>): Promise<T> {
  const home = MachineHome.open(options);
  const listeners: ApplianceListener[] = [];
  let machine: MachineProcess | null = null;
  try {
    const listen = async (name: string): Promise<ApplianceListener> => {
      const listener = await ApplianceListener.listen(join(home.folder, name));
      listeners.push(listener);
      return listener;
    };
    const daemon = await listen('guestfsd.sock');
    const helper = await listen('helper.sock');
    const control = await listen('qmp.sock');
    const args = await options.args({ daemon: daemon.path, helper: helper.path, qmp: control.path }, home);
    options.signal.throwIfAborted();
    machine = await MachineProcess.start({ ...options, args, home });
    const started = machine;
    return await whileRunning(started, options.signal, async (fail) => {
      const connected = (async () => {
        const [socket, ...ports] = await Promise.all([control.accepted, daemon.accepted, helper.accepted]);
        return { ...(await QmpClient.open(socket)), ports };
      })();
      const { limit, late } = options.start;
      const { client, version, ports } = await within(limit, connected, late);
      const monitor = monitorQemu(client, { ...options, kill: () => started.kill() });
      void monitor.stopped.then(fail);
      return use({ home, machine: started, qmp: client, monitor, version, daemon: ports[0], helper: ports[1] });
    });
  } catch (error) {
    machine?.kill();
    await machine?.ended;
    await home.vacate();
    throw error;
  } finally {
    for (const listener of listeners) listener.close();
  }
}

/** Rejects as soon as qemu ends, the signal is aborted, or the work is told to fail. */
async function whileRunning<T>(
  machine: MachineProcess,
  signal: AbortSignal,
  work: (fail: (error: GuestfsError) => void) => Promise<T>,
): Promise<T> {
  let failure: unknown = null;
  let fail!: (error: GuestfsError) => void;
  const stopped = new Promise<never>((_, reject) => {
    void machine.ended.then((end) => reject(new RunFailure(machine, end)));
    fail = (error) => {
      failure = error;
      reject(error);
    };
  });
  stopped.catch(() => undefined);
  const working = work(fail);
  working.catch(() => undefined);
  try {
    return await unlessAborted(Promise.race([working, stopped]), signal);
  } catch (error) {
    if (error instanceof RunFailure || error === failure || isLate(error) || signal.aborted) throw error;
    // A broken socket is mostly the first that is seen of a qemu that dies.
    throw new RunFailure(machine, await orNull(LAST_WORDS, machine.ended), error);
  }
}

/** How long qemu may take to end, and to tell why, after a socket of it broke, in milliseconds. */
const LAST_WORDS = 500;

/** A qemu that takes too long over the user's disks is not one that dies. */
function isLate(error: unknown): boolean {
  return GuestfsError.is(error) && error.code === 'ERR_GUESTFS_LAUNCH_TIMEOUT';
}
