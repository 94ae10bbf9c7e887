import { writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { onAbort } from '@guestfs/events/internal';
import { Connection } from '../../protocol/connection/connection.js';
import { GuestfsError } from '../../protocol/errors.js';
import { SocketTransport } from '../../protocol/transport/socket.js';
import type { Appliance } from '../find/appliance.js';
import { commandLine } from './command-line.js';
import { launchGivenUp } from '../../waiting/give-up.js';
import { after, orNull } from '../../waiting/within.js';
import type { LaunchConfig, LaunchContext } from '../config/config.js';
import type { BoundContext } from './launch-deadline.js';
import { ConsolePhases } from './console-phases.js';
import type { DriveKind } from '../drives/drive-file.js';
import { prepareDrives } from '../drives/prepare.js';
import { explainExit, explainTimeout } from './failure.js';
import { MachineHome } from './home.js';
import { ApplianceListener } from './listener.js';
import { MachineProcess } from './machine-process.js';
import type { MachineMonitor } from '../monitor/monitor.js';
import { monitorQemu } from '../monitor/qemu.js';
import { QmpClient } from '../qmp/client.js';
import type { AcceleratorName, HostCpu } from '../qemu/architecture.js';
import { MachineSession } from './session.js';

export interface BootOptions {
  readonly config: LaunchConfig;
  readonly context: BoundContext;
  readonly qemu: string;
  readonly cpu: HostCpu;
  readonly accelerator: AcceleratorName;
  /** Whether silence of the machine or its early death is to be told as an {@link AcceleratorFailure}. */
  readonly mayFallBack: boolean;
  readonly appliance: Appliance;
  readonly driveKinds: readonly DriveKind[];
  /** In place of the appliance's own. */
  readonly leanInitrd?: Buffer | undefined;
  /** The most that this boot may take of the launch's time, in milliseconds. */
  readonly limit?: number | undefined;
}

/** A machine that ended before its kernel ran, which another accelerator may mend. */
export class AcceleratorFailure extends Error {}

/** How long a machine may run under an accelerator without a word of its kernel or init, in milliseconds. */
const SILENCE_LIMIT = 30_000;
/** How long qemu may take to end, and to tell why, after the connection to it broke, in milliseconds. */
const LAST_WORDS = 2000;

/** Boots an appliance, and waits until its daemon is up. When this fails, nothing is left behind. */
export async function bootAppliance(options: BootOptions): Promise<MachineSession> {
  const home = MachineHome.open(options.config);
  try {
    return await bootAt(home, options);
  } catch (error) {
    await home.vacate();
    throw error;
  }
}

async function bootAt(home: MachineHome, options: BootOptions): Promise<MachineSession> {
  const { config, context, accelerator } = options;
  const drives = await prepareDrives(config.drives, options.driveKinds, home.folder);
  const listener = await ApplianceListener.listen(join(home.folder, 'guestfsd.sock'));
  const control = await ApplianceListener.listen(join(home.folder, 'qmp.sock'));
  const phases = new ConsolePhases((phase) => context.phase(phase));
  let machine: MachineProcess | null = null;
  let monitor: MachineMonitor | null = null;
  try {
    const leanInitrd = options.leanInitrd && join(home.folder, 'initrd');
    if (leanInitrd !== undefined) await writeFile(leanInitrd, options.leanInitrd ?? '', { mode: 0o600 });
    const args = commandLine({
      ...options,
      leanInitrd,
      drives,
      socket: listener.path,
      monitor: control.path,
      term: process.env['TERM'],
    });
    context.signal.throwIfAborted();
    machine = await MachineProcess.start({
      ...config,
      qemu: options.qemu,
      args,
      home,
      log: (line) => context.log(line),
      output: (bytes) => {
        phases.read(bytes);
        context.console(bytes);
      },
    });
    const started = machine;
    monitor = monitorQemu(openControl(control), {
      disks: { drives: config.drives, overlays: config.tmpdir, overlaySetting: 'LIBGUESTFS_TMPDIR' },
      kill: () => started.kill(),
      warn: (line) => context.warn(line),
      log: (line) => context.log(line),
    });
    const { connection, socket } = await waitForDaemon(machine, monitor, listener, phases, options);
    phases.complete();
    context.log(`the appliance is up under ${accelerator}`);
    return new MachineSession({ connection, socket, machine, home, monitor });
  } catch (error) {
    monitor?.close();
    machine?.kill();
    await machine?.ended;
    throw error;
  } finally {
    listener.close();
    control.close();
  }
}

/** qemu connects before it runs the machine. */
async function openControl(listener: ApplianceListener): Promise<QmpClient> {
  const { client } = await QmpClient.open(await listener.accepted);
  return client;
}

type Outcome =
  | { readonly kind: 'up'; readonly connection: Connection; readonly socket: Socket }
  | { readonly kind: 'broken'; readonly error: unknown }
  | { readonly kind: 'stopped'; readonly error: GuestfsError }
  | { readonly kind: 'exited' | 'late' | 'silent' | 'aborted' | 'cancelled' };

async function waitForDaemon(
  machine: MachineProcess,
  monitor: MachineMonitor,
  listener: ApplianceListener,
  phases: ConsolePhases,
  options: BootOptions,
) {
  const { config, context } = options;
  const stop = new AbortController();
  const opened = openConnection(listener, context, stop.signal);
  const watch = watchBoot(machine, monitor, phases, options);
  let outcome: Outcome;
  try {
    outcome = await Promise.race([opened, watch.outcome]);
    if (outcome.kind === 'up') return outcome;
    // A broken connection is mostly the first that is seen of a qemu that dies.
    if (outcome.kind === 'broken') outcome = (await orExit(machine)) ?? outcome;
  } finally {
    watch.stop();
  }
  const failure = { console: machine.console.text, cause: outcome.kind === 'broken' ? outcome.error : undefined };
  if (outcome.kind === 'aborted') outcome = givenUp(context.signal);
  stop.abort(new GuestfsError('ERR_GUESTFS_CANCELLED', 'the boot was given up'));
  if (outcome.kind === 'stopped') throw outcome.error;
  if (outcome.kind === 'cancelled') throw launchGivenUp(context.signal);
  if (outcome.kind === 'silent') throw new AcceleratorFailure('the kernel gave no sign of life');
  if (outcome.kind === 'late')
    throw explainTimeout(config.timeout, { ...failure, account: context.deadline.account() });
  const what =
    outcome.kind === 'exited' ? `qemu ${(await machine.ended).description}` : 'the connection to the appliance broke';
  const error = explainExit({
    ...failure,
    what,
    stderr: machine.stderr.text,
    drives: config.drives,
    memsize: config.memsize,
  });
  if (options.mayFallBack && !phases.kernelUp && error.code === 'ERR_GUESTFS_QEMU_EXITED') {
    throw new AcceleratorFailure([what, machine.stderr.lines(3)].filter(Boolean).join(': '));
  }
  throw error;
}

/** The connection once the daemon has sent its launch flag. Never rejects. */
async function openConnection(
  listener: ApplianceListener,
  context: LaunchContext,
  signal: AbortSignal,
): Promise<Outcome> {
  const socket = await listener.accepted;
  try {
    const connection = await Connection.open(new SocketTransport(socket, 'appliance'), {
      launchFlag: 'required',
      signal,
      onProgress: (progress) => context.progress(progress),
      log: (line) => context.log(line),
      ...(context.tap && { tap: context.tap }),
    });
    if (!signal.aborted) return { kind: 'up', connection, socket };
    connection.destroy(signal.reason as Error);
    return { kind: 'broken', error: signal.reason };
  } catch (error) {
    socket.destroy();
    return { kind: 'broken', error };
  }
}

/** Resolves when the boot is known to have failed. */
function watchBoot(
  machine: MachineProcess,
  monitor: MachineMonitor,
  phases: ConsolePhases,
  { context, mayFallBack, limit }: BootOptions,
) {
  const withdrawals: (() => void)[] = [];
  const outcome = new Promise<Outcome>((resolve) => {
    void machine.ended.then(() => resolve({ kind: 'exited' }));
    void monitor.stopped.then((error) => resolve({ kind: 'stopped', error }));
    if (limit !== undefined) withdrawals.push(after(limit, () => resolve({ kind: 'late' })));
    if (mayFallBack) withdrawals.push(after(SILENCE_LIMIT, () => phases.kernelUp || resolve({ kind: 'silent' })));
    withdrawals.push(onAbort(context.signal, () => resolve({ kind: 'aborted' })));
  });
  const stop = (): void => withdrawals.forEach((withdraw) => withdraw());
  return { outcome, stop };
}

async function orExit(machine: MachineProcess): Promise<Outcome | null> {
  return orNull(
    LAST_WORDS,
    machine.ended.then((): Outcome => ({ kind: 'exited' })),
  );
}

/** Whether the time was up, or the user has had enough. */
function givenUp(signal: AbortSignal): Outcome {
  return { kind: launchGivenUp(signal).code === 'ERR_GUESTFS_LAUNCH_TIMEOUT' ? 'late' : 'cancelled' };
}
