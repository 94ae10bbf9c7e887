import { join } from 'node:path';
import { Connection } from '../../../protocol/connection/connection.js';
import { SocketTransport } from '../../../protocol/transport/socket.js';
import { GuestfsError } from '../../../protocol/errors.js';
import { within } from '../../../waiting/within.js';
import type { LaunchConfig } from '../../config/config.js';
import { withDrives, type BoundContext } from '../../boot/launch-deadline.js';
import type { DriveKind } from '../../drives/drive-file.js';
import type { AcceleratorName, HostCpu } from '../../qemu/architecture.js';
import { MachineSession } from '../../boot/session.js';
import { warmArguments } from '../machine/machine.js';
import { runMachine, type RunOptions } from '../machine/machine-run.js';
import { addDisks, driveAdder } from './add-drives.js';
import { HostBusyError, RestoreFailure, type RestoreStep } from './fault.js';
import { BUSY_LIMIT, waitUntilAlive } from './liveness.js';
import { loadState } from '../machine/migration.js';
import { pingDaemon } from './ping.js';
import type { Template } from '../template/template.js';
import { GuestHelper } from '../machine/wake.js';

export interface RestoreOptions {
  readonly config: LaunchConfig;
  readonly context: BoundContext;
  readonly template: Template;
  readonly qemu: string;
  readonly cpu: HostCpu;
  readonly accelerator: AcceleratorName;
  readonly driveKinds: readonly DriveKind[];
}

/**
 * Starts a machine from a template with the user's disks. Resolves when it is its own: clock, entropy, disks. Rejects with a
 * {@link RestoreFailure}.
 *
 * The disks are added when the state is loaded, and not on the command line: while a qemu waits for a state, it opens
 * images without the locks that keep others out, and where it cannot get them later it only says so and goes on.
 */
export async function restoreMachine(options: RestoreOptions): Promise<MachineSession> {
  let step: RestoreStep = 'start';
  try {
    return await restoreBySteps(options, (reached) => (step = reached));
  } catch (error) {
    throw new RestoreFailure(step, error);
  }
}

async function restoreBySteps(options: RestoreOptions, enter: (step: RestoreStep) => void): Promise<MachineSession> {
  const { config, context, template } = options;
  const files = { ram: join(template.folder, 'ram'), root: join(template.folder, 'root.qcow2') };
  return runMachine(
    {
      ...config,
      qemu: options.qemu,
      signal: context.signal,
      start: startLimit(options),
      output: (bytes) => context.console(bytes),
      disks: { drives: config.drives, overlays: config.tmpdir, overlaySetting: 'LIBGUESTFS_TMPDIR' },
      warn: (line) => context.warn(line),
      log: (line) => context.log(line),
      args: async (sockets) => [
        ...warmArguments({ ...options, ...files, use: 'restore', sockets }),
        ...['-incoming', 'defer'],
      ],
    },
    async ({ home, machine, qmp, monitor, version, daemon, helper: helperSocket }) => {
      enter('load');
      const loading = loadState(qmp, version, join(template.folder, 'state'));
      await within(BUSY_LIMIT, loading, () => new HostBusyError(`qemu did not load the state within ${BUSY_LIMIT} ms`));
      enter('disks');
      const patience = context.deadline.left / 2;
      const opening = addDisks(qmp, home, config.drives, options.driveKinds);
      await within(patience, opening, () => tooLate(`qemu did not start ${withDrives(config)}`, patience));
      enter('wake');
      await qmp.execute('cont');
      context.phase('kernelUp');
      const helper = new GuestHelper(helperSocket);
      const { seeded, ready } = helper.wake(config.drives.length);
      await waitUntilAlive(Promise.all([seeded, pingDaemon(daemon)]), machine.pid);
      enter('scan');
      context.phase('initRunning');
      const limit = context.deadline.left / 2;
      const said = await within(limit, ready, () =>
        tooLate(`the appliance did not come up ${withDrives(config)}`, limit),
      );
      context.log(`guest helper: ${said} (microseconds for scanning, udev, arrays and volumes)`);
      const connection = await Connection.open(new SocketTransport(daemon, 'appliance'), {
        launchFlag: 'none',
        onProgress: (progress) => context.progress(progress),
        log: (line) => context.log(line),
        ...(context.tap && { tap: context.tap }),
      });
      const running = { home, qmp, monitor, helper, timeout: config.timeout };
      const addDrives = config.drives.length === 0 ? driveAdder(running) : undefined;
      if (addDrives === undefined) helper.close();
      const session = new MachineSession({ connection, socket: daemon, machine, home, monitor, addDrives });
      context.phase('ready');
      return session;
    },
  );
}

/**
 * How long qemu may take until it can be talked to. Half of the launch's time is left to a cold start, which tells more, and
 * so it is with each step that follows.
 */
function startLimit({ context }: RestoreOptions): RunOptions['start'] {
  const limit = Math.min(BUSY_LIMIT, context.deadline.left / 2);
  return { limit, late: () => tooLate('qemu did not start', limit) };
}

function tooLate(what: string, limit: number): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_LAUNCH_TIMEOUT', `${what} within ${Math.round(limit / 100) / 10} s`);
}
