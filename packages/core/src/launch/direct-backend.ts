import { GuestfsError } from '../errors.js';
import { prepareAppliance } from './appliance/appliance.js';
import type { Backend, Session } from './backend.js';
import { AcceleratorFailure, bootAppliance, cancelled, type BootOptions } from './boot.js';
import type { LaunchConfig, LaunchContext } from './config.js';
import { MAXIMUM_DRIVES, checkDriveWords } from './drives/check.js';
import { checkDrives } from './drives/prepare.js';
import { forcedAccelerator } from './qemu/accelerator.js';
import { hostCpu } from './qemu/architecture.js';
import { chooseForHost } from './qemu/choose.js';
import { findQemu, qemuVersion } from './qemu/find.js';

/** Runs the appliance under a qemu that this process starts. */
export class DirectBackend implements Backend {
  readonly name = 'direct';

  /**
   * Starts an appliance and resolves when its daemon is up.
   *
   * Where KVM is there but does not run a machine, goes on with TCG after a warning. Rejects with a GuestfsError that
   * names the cause and what to do; nothing is left behind then.
   */
  async launch(config: LaunchConfig, context: LaunchContext): Promise<Session> {
    try {
      context.signal.throwIfAborted();
      return await launchDirect(config, context);
    } catch (error) {
      if (GuestfsError.is(error)) throw error;
      if (context.signal.aborted) throw cancelled(context.signal);
      throw new GuestfsError('ERR_GUESTFS_QEMU_EXITED', `the appliance could not be started: ${String(error)}`, {
        hint: 'run again with LIBGUESTFS_DEBUG=1 to see every step',
        cause: error,
      });
    }
  }
}

async function launchDirect(config: LaunchConfig, context: LaunchContext): Promise<Session> {
  context.phase('start');
  checkConfig(config);
  const cpu = hostCpu();
  const { signal } = context;
  const log = (line: string): void => context.log(line);
  const driveKinds = await checkDrives(config.drives);
  const qemu = await findQemu(config.hv, cpu);
  if (config.verbose) log(`qemu: ${qemu.file}, ${(await qemuVersion(qemu)) ?? 'version unknown'}`);
  const appliance = await prepareAppliance({ ...config, cpu, signal, log });
  context.phase('applianceBuilt');
  if (config.backendSettings.includes('gdb')) context.warn('the machine waits for gdb: connect to tcp::1234');

  const warn = (line: string): void => context.warn(line);
  const chosen = await chooseForHost({ ...config, qemu, kernel: appliance.kernel, cpu, signal, log, warn });
  const boot = { config, context, qemu: qemu.file, cpu, appliance, driveKinds };
  const tried = await tryBoot({ ...boot, accelerator: chosen.accelerator, mayFallBack: chosen.fallBack !== null });
  if (!(tried instanceof AcceleratorFailure)) {
    await chosen.bootedUp();
    return tried;
  }
  const instead = chosen.fallBack?.(tried.message) ?? chosen;
  const session = await bootAppliance({ ...boot, accelerator: instead.accelerator, mayFallBack: false });
  await instead.bootedUp();
  return session;
}

async function tryBoot(options: BootOptions): Promise<Session | AcceleratorFailure> {
  try {
    return await bootAppliance(options);
  } catch (error) {
    if (error instanceof AcceleratorFailure) return error;
    throw error;
  }
}

/** Refuses what is wrong in itself, before anything is looked at or started. */
function checkConfig(config: LaunchConfig): void {
  if (config.drives.length > MAXIMUM_DRIVES) {
    throw new GuestfsError(
      'ERR_GUESTFS_ARGUMENT',
      `${config.drives.length} drives were added; an appliance takes ${MAXIMUM_DRIVES}`,
      {
        hint: 'use several handles',
      },
    );
  }
  config.drives.forEach(checkDriveWords);
  forcedAccelerator(config.backendSettings);
}
