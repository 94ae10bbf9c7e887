import { randomBytes } from 'node:crypto';
import { chmod, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { onAbort } from '@guestfs/events/internal';
import {
  Connection,
  connectUnix,
  GuestfsError,
  type Backend,
  type LaunchConfig,
  type Session,
  type SocketTransport,
} from '@guestfs/core';
import {
  checkDrives,
  checkDriveConfigs,
  checkSocketPath,
  chooseForHost,
  ConsolePhases,
  explainExit,
  explainTimeout,
  findQemu,
  hostCpu,
  kernelArguments,
  launchGivenUp,
  machineTraits,
  MachineHome,
  type MachineMonitor,
  prepareAppliance,
  Tail,
  withDrives,
  withinLaunchTimeout,
  type BoundContext,
} from '@guestfs/core/appliance';
import type { Authenticate } from './libvirt/credentials.js';
import { prepareLibvirtDrives, makeOverlay } from './libvirt/drives.js';
import { machineXml } from './libvirt/machine-xml.js';
import { monitorDomain } from './libvirt/monitor.js';
import { LibvirtSession } from './libvirt/session.js';
import { VirshShell } from './libvirt/shell.js';
import { Virsh } from './libvirt/virsh.js';

export interface LibvirtBackendOptions {
  /** Libvirt's own choice when left out. */
  readonly uri?: string | undefined;
  readonly authenticate?: Authenticate | undefined;
}

/**
 * Has libvirt run the appliance, as a transient domain, so that the host's confinement of machines applies.
 *
 * The domain goes with this process. Rejects with `ERR_GUESTFS_LIBVIRT_NOT_FOUND`, `ERR_GUESTFS_LIBVIRT_ACCESS` or
 * `ERR_GUESTFS_LIBVIRT` when libvirt does not run it, else as the direct backend does.
 */
export function libvirtBackend(options: LibvirtBackendOptions = {}): Backend {
  const name = options.uri === undefined ? 'libvirt' : `libvirt:${options.uri}`;
  return {
    name,
    launch: (config, context) => withinLaunchTimeout(config, context, (bound) => launch(config, bound, options)),
  };
}

async function launch(config: LaunchConfig, context: BoundContext, options: LibvirtBackendOptions): Promise<Session> {
  const { signal, deadline } = context;
  const log = (line: string): void => context.log(line);
  context.phase('start');
  checkDriveConfigs(config.drives);
  const virsh = new Virsh({ ...options, tmpdir: config.tmpdir, signal, log });
  deadline.waitFor('virsh to connect');
  // Whatever keeps libvirt from being used shows here, before anything is built.
  const uri = (await virsh.run(['uri'])).trim();
  const home = MachineHome.open(config);
  let shell: VirshShell | null = null;
  let events: VirshShell | null = null;
  let machine: Machine | null = null;
  const withdraw = onAbort(signal, () => {
    shell?.kill();
    events?.kill();
  });
  try {
    const prepared = await prepare(config, context, home, uri);
    ({ machine } = prepared);
    const file = join(home.folder, 'domain.xml');
    await writeFile(file, machineXml(machine), { mode: 0o600 });
    deadline.waitFor(`libvirt to start the machine ${withDrives(config)}`);
    shell = await VirshShell.start(virsh);
    events = await VirshShell.start(virsh);
    signal.throwIfAborted();
    if (shell.pid !== undefined) home.adopt(shell.pid);
    log(`virsh create --paused --autodestroy ${file}`);
    await shell.run(['create', '--file', file, '--paused', '--autodestroy']);
    const monitor = monitorDomain({
      name: machine.name,
      shell,
      events,
      drives: config.drives,
      overlays: home.folder,
      warn: (line) => context.warn(line),
      log,
    });
    const session = await boot(machine, shell, monitor, home, config, context);
    await prepared.bootedUp();
    return session;
  } catch (error) {
    events?.kill();
    shell?.kill();
    await shell?.ended;
    // Libvirt ends the machine too when virsh is gone, but some time later.
    if (shell !== null && machine !== null) await destroyLeftover(machine.name, virsh);
    await home.vacate();
    throw error;
  } finally {
    withdraw();
  }
}

async function destroyLeftover(name: string, virsh: Virsh): Promise<void> {
  // Also after the launch was given up, and without asking anybody.
  const patient = virsh.with({ signal: undefined, authenticate: undefined, timeout: 20_000 });
  await patient.run(['destroy', '--domain', name]).catch(() => undefined);
}

type Machine = Parameters<typeof machineXml>[0];

interface Prepared {
  readonly machine: Machine;
  /** Remembers for later launches what the machine's boot shows of the accelerator. */
  readonly bootedUp: () => Promise<void>;
}

async function prepare(config: LaunchConfig, context: BoundContext, home: MachineHome, uri: string): Promise<Prepared> {
  const { signal, deadline } = context;
  const log = (line: string): void => context.log(line);
  const warn = (line: string): void => context.warn(line);
  const cpu = hostCpu();
  deadline.waitFor(`the host's files ${withDrives(config)}`);
  const kinds = await checkDrives(config.drives);
  deadline.waitFor('the appliance to be found or built');
  const appliance = await prepareAppliance({ ...config, cpu, signal, log });
  context.phase('applianceBuilt');
  deadline.waitFor('the accelerator to be chosen');
  const qemu = await findQemu(config.hv, cpu);
  const chosen = await chooseForHost({
    ...config,
    kvmDevice: '/dev/kvm',
    qemu,
    kernel: appliance.kernel,
    cpu,
    signal,
    log,
    warn,
  });
  const { accelerator } = chosen;
  // A machine of another user must be able to pass through to the files in it, which libvirt hands over to it.
  if (!/\/session\b/.test(uri))
    await Promise.all([home.folder, dirname(dirname(appliance.kernel)), dirname(appliance.kernel)].map(openForPassage));
  const sockets = { channel: join(home.folder, 'guestfsd.sock'), console: join(home.folder, 'console.sock') };
  Object.values(sockets).forEach(checkSocketPath);
  const traits = machineTraits(cpu, accelerator);
  const label = settingOf(config, 'internal_libvirt_label');
  const imagelabel = settingOf(config, 'internal_libvirt_imagelabel');
  const machine: Machine = {
    name: `guestfs-${randomBytes(8).toString('hex')}`,
    config,
    cpu,
    accelerator,
    kernel: appliance.kernel,
    initrd: appliance.initrd,
    kernelArguments: kernelArguments({
      ...config,
      append: config.append,
      traits,
      rootUuid: appliance.rootUuid,
      term: process.env['TERM'],
    }),
    root:
      appliance.root === null
        ? null
        : await makeOverlay(appliance.root, appliance.rootFormat, join(home.folder, 'root.qcow2'), signal),
    drives: await prepareLibvirtDrives(config.drives, kinds, home.folder, signal),
    ...sockets,
    labels: label === undefined || imagelabel === undefined ? null : { label, imagelabel },
  };
  return { machine, bootedUp: () => chosen.bootedUp() };
}

/** Connects both sockets while the machine stands still, so that no byte is lost, and lets it run. */
async function boot(
  machine: Machine,
  shell: VirshShell,
  monitor: MachineMonitor,
  home: MachineHome,
  config: LaunchConfig,
  context: BoundContext,
): Promise<Session> {
  const { signal, deadline } = context;
  const tail = new Tail();
  const phases = new ConsolePhases((phase) => context.phase(phase));
  const console = await connectUnix(machine.console, { signal });
  console.start({
    data: (bytes) => {
      tail.add(bytes);
      phases.read(bytes);
      context.console(bytes);
    },
    end: () => undefined,
  });
  let channel: SocketTransport | null = null;
  try {
    channel = await connectUnix(machine.channel, { signal });
    await shell.run(['resume', '--domain', machine.name]);
    deadline.waitFor(`the appliance to boot ${withDrives(config)}`);
    const opening = Connection.open(channel, {
      launchFlag: 'required',
      signal,
      onProgress: (progress) => context.progress(progress),
      log: (line) => context.log(line),
      ...(context.tap && { tap: context.tap }),
    });
    opening.catch(() => undefined);
    const stopped = monitor.stopped.then((error) => {
      throw error;
    });
    const connection = await Promise.race([opening, stopped]);
    phases.complete();
    const cleanUp = (): void => console.destroy();
    const { name } = machine;
    return new LibvirtSession({ connection, shell, name, home, monitor, console: tail, cleanUp });
  } catch (cause) {
    channel?.destroy();
    console.destroy();
    throw explain(cause, tail.text, config, deadline);
  }
}

function explain(error: unknown, console: string, config: LaunchConfig, deadline: BoundContext['deadline']): unknown {
  if (!GuestfsError.is(error)) return error;
  if (deadline.signal.aborted && launchGivenUp(deadline.signal).code === 'ERR_GUESTFS_LAUNCH_TIMEOUT') {
    return explainTimeout(config.timeout, { console, account: deadline.account(), cause: error });
  }
  if (error.code !== 'ERR_GUESTFS_CONNECTION_LOST') return error;
  return explainExit({
    what: 'the machine that libvirt ran ended',
    stderr: '',
    console,
    drives: config.drives,
    memsize: config.memsize,
    cause: error,
  });
}

async function openForPassage(folder: string): Promise<void> {
  const { mode } = await stat(folder);
  if ((mode & 0o001) === 0) await chmod(folder, (mode & 0o7777) | 0o011).catch(() => undefined);
}

function settingOf(config: LaunchConfig, name: string): string | undefined {
  return config.backendSettings.find((setting) => setting.startsWith(`${name}=`))?.slice(name.length + 1);
}
