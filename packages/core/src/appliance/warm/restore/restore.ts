import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '../../../protocol/connection/connection.js';
import { SocketTransport } from '../../../protocol/transport/socket.js';
import { GuestfsError } from '../../../protocol/errors.js';
import { pause } from '../../../waiting/give-up.js';
import { within } from '../../../waiting/within.js';
import type { LaunchConfig } from '../../config/config.js';
import { withDrives, type BoundContext } from '../../boot/launch-deadline.js';
import type { DriveKind } from '../../drives/check.js';
import { prepareDrives } from '../../drives/prepare.js';
import type { AcceleratorName, HostCpu } from '../../qemu/architecture.js';
import { MachineSession } from '../../boot/session.js';
import { diskArguments, warmArguments } from '../machine/machine.js';
import { runMachine, type RunOptions } from '../machine/machine-run.js';
import { driveAdder } from './add-drives.js';
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

/** A restored machine that is alive answers within milliseconds; this many are waited for its first word. */
const SILENCE_LIMIT = 2000;
/** The most that is waited on a host that is too busy to let qemu run, in milliseconds. */
const BUSY_LIMIT = 30_000;

/** Starts a machine from a template with the user's disks. Resolves when it is its own: clock, entropy, disks. */
export async function restoreMachine(options: RestoreOptions): Promise<MachineSession> {
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
      args: async (sockets, home) => [
        ...warmArguments({ ...options, ...files, use: 'restore', sockets }),
        ...diskArguments(await prepareDrives(config.drives, options.driveKinds, home.folder)),
        '-incoming',
        'defer',
      ],
    },
    async ({ home, machine, qmp, monitor, version, daemon, helper: helperSocket }) => {
      await within(BUSY_LIMIT, loadState(qmp, version, join(template.folder, 'state')), () =>
        late('qemu did not load the state', BUSY_LIMIT),
      );
      context.phase('kernelUp');
      const helper = new GuestHelper(helperSocket);
      const { seeded, ready } = helper.wake(config.drives.length);
      await withinDeadline(Promise.all([seeded, pingDaemon(daemon)]), machine.pid);
      context.phase('initRunning');
      const limit = context.deadline.left / 2;
      const said = await within(limit, ready, () => disksLate(limit, config));
      context.log(`guest helper: ${said} (microseconds for scanning, udev, arrays and volumes)`);
      const connection = await Connection.open(new SocketTransport(daemon, 'appliance'), {
        launchFlag: 'none',
        onProgress: (progress) => context.progress(progress),
        ...(context.tap && { tap: context.tap }),
      });
      const running = { home, qmp, monitor, helper, timeout: config.timeout };
      const addDrives = config.drives.length === 0 ? driveAdder(running) : undefined;
      if (addDrives === undefined) helper.close();
      const session = new MachineSession({ connection, socket: daemon, machine, home, monitor, addDrives });
      home.onSignal(context.flush);
      context.phase('ready');
      return session;
    },
  );
}

/**
 * How long qemu may take until it can be talked to: by then it has opened its disks. Half of the launch's time is left to a
 * cold start, which tells more.
 */
function startLimit({ config, context }: RestoreOptions): RunOptions['start'] {
  const limit = Math.min(BUSY_LIMIT, context.deadline.left / 2);
  return {
    limit,
    late: () =>
      new GuestfsError(
        'ERR_GUESTFS_LAUNCH_TIMEOUT',
        `qemu did not start ${withDrives(config)} within ${seconds(limit)} s`,
      ),
  };
}

function disksLate(limit: number, config: LaunchConfig): GuestfsError {
  const message = `the appliance did not come up ${withDrives(config)} within ${seconds(limit)} s`;
  return new GuestfsError('ERR_GUESTFS_LAUNCH_TIMEOUT', message);
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}

function late(what: string, limit: number): Error {
  return new Error(`${what} within ${limit} ms`);
}

/** Rejects when the machine stays silent though the host lets it run: a state that loaded and then hangs. */
async function withinDeadline(sign: Promise<unknown>, pid: number | null): Promise<void> {
  // It may come before anyone waits for it.
  sign.catch(() => undefined);
  const begin = performance.now();
  const waitedBefore = await waitedForProcessor(pid);
  const done = new AbortController();
  const silent = (async () => {
    for (;;) {
      await pause(100, { signal: done.signal });
      const elapsed = performance.now() - begin;
      const waited = (await waitedForProcessor(pid)) - waitedBefore;
      if (elapsed > BUSY_LIMIT || elapsed - waited > SILENCE_LIMIT) return Math.round(elapsed);
    }
  })();
  silent.catch(() => undefined);
  try {
    const elapsed = await Promise.race([sign.then(() => null), silent]);
    if (elapsed !== null) throw new Error(`the restored machine gave no sign of life within ${elapsed} ms`);
  } finally {
    done.abort();
  }
}

/** How long the threads of a process could have run and were not let, in milliseconds: the longest of them. */
async function waitedForProcessor(pid: number | null): Promise<number> {
  if (pid === null) return 0;
  try {
    const threads = await readdir(`/proc/${pid}/task`);
    const texts = await Promise.all(
      threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').catch(() => '0 0 0')),
    );
    return Math.max(0, ...texts.map((text) => Number(text.split(' ')[1]) / 1e6));
  } catch {
    return 0;
  }
}
