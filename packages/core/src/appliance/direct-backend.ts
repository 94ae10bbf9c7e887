import { GuestfsError } from '../protocol/errors.js';
import { prepareAppliance } from './find/appliance.js';
import type { Backend, Session } from './config/backend.js';
import { AcceleratorFailure, bootAppliance, type BootOptions } from './boot/boot.js';
import type { LaunchConfig, LaunchContext } from './config/config.js';
import { checkDriveConfigs } from './drives/drive.js';
import { checkDrives } from './drives/prepare.js';
import { booleanSetting, forcedAccelerator } from './qemu/accelerator.js';
import { checkTemporaryFolder } from './host/folders.js';
import { hostCpu, type AcceleratorName } from './qemu/architecture.js';
import { chooseForHost, type ChosenAccelerator } from './qemu/choose.js';
import { findQemu, qemuVersion } from './qemu/find.js';
import { withDrives, withinLaunchTimeout, type BoundContext } from './boot/launch-deadline.js';
import { leanInitrd, type LeanInitrd } from './lean/lean-boot.js';
import { makeTemplateLater } from './warm/build/background.js';
import { waitForTurn } from './warm/turn.js';
import { tryWarmStart } from './warm/restore/warm-start.js';

/** What an initrd may be at fault for. */
const INITRD_FAULTS: readonly string[] = [
  'ERR_GUESTFS_QEMU_EXITED',
  'ERR_GUESTFS_LAUNCH_TIMEOUT',
  'ERR_GUESTFS_CONNECTION_LOST',
];
/** The least time that the lean initrd is given, in milliseconds. */
const LEAN_LIMIT = 60_000;

/** Runs the appliance under a qemu that this process starts. */
export class DirectBackend implements Backend {
  readonly name = 'direct';
  readonly #kvmDevice: string;

  /** `kvmDevice` is the device that KVM is reached by. */
  constructor({ kvmDevice = '/dev/kvm' }: { kvmDevice?: string } = {}) {
    this.#kvmDevice = kvmDevice;
  }

  /**
   * Starts an appliance and resolves when its daemon is up.
   *
   * Where KVM is there but does not run a machine, goes on with TCG after a warning. Rejects with a GuestfsError that
   * names the cause and what to do; nothing is left behind then.
   */
  async launch(config: LaunchConfig, context: LaunchContext): Promise<Session> {
    try {
      return await withinLaunchTimeout(config, context, (bound) => launchDirect(config, bound, this.#kvmDevice));
    } catch (error) {
      if (GuestfsError.is(error)) throw error;
      throw new GuestfsError('ERR_GUESTFS_QEMU_EXITED', `the appliance could not be started: ${String(error)}`, {
        hint: 'run again with LIBGUESTFS_DEBUG=1 to see every step',
        cause: error,
      });
    }
  }
}

async function launchDirect(config: LaunchConfig, context: BoundContext, kvmDevice: string): Promise<Session> {
  context.phase('start');
  checkConfig(config);
  await checkTemporaryFolder(config.tmpdir);
  const cpu = hostCpu();
  const { signal, deadline } = context;
  const log = (line: string): void => context.log(line);
  deadline.waitFor(`the host's files ${withDrives(config)}`);
  const driveKinds = await checkDrives(config.drives);
  const qemu = await findQemu(config.hv, cpu);
  if (config.verbose) log(`qemu: ${qemu.file}, ${(await qemuVersion(qemu, log)) ?? 'version unknown'}`);
  deadline.waitFor('the appliance to be found or built');
  const appliance = await prepareAppliance({ ...config, cpu, signal, log });
  context.phase('applianceBuilt');
  if (booleanSetting(config.backendSettings, 'gdb')) context.warn('the machine waits for gdb: connect to tcp::1234');

  const warn = (line: string): void => context.warn(line);
  deadline.waitFor('the accelerator to be chosen');
  const chosen = await chooseForHost({ ...config, qemu, kernel: appliance.kernel, cpu, signal, log, warn, kvmDevice });
  const machine = { config, context, cpu, appliance, driveKinds };
  deadline.waitFor(`a start from a template ${withDrives(config)}`);
  for (;;) {
    const warm = await tryWarmStart({ ...machine, qemu, accelerator: chosen.accelerator });
    if (warm.session !== null) return warm.session;
    const boot = (): Promise<Booted> => bootCold({ ...machine, qemu: qemu.file }, chosen);
    if (warm.wanted === null) return (await boot()).session;
    const { inputs, key, store } = warm.wanted;
    const turn = await waitForTurn(key, store, { cachedir: config.cachedir, context });
    if (turn === null) continue;
    try {
      const { session, accelerator } = await boot();
      // The next launch uses the accelerator that works.
      const made = { key, store, inputs: { ...inputs, accelerator } };
      await makeTemplateLater(made, config, turn, log).catch((error: unknown) => {
        turn.release();
        log(`warm start: no template is made (${String(error)})`);
      });
      return session;
    } catch (error) {
      turn.release();
      throw error;
    }
  }
}

interface Booted {
  readonly session: Session;
  readonly accelerator: AcceleratorName;
}

type ColdBoot = Omit<BootOptions, 'accelerator' | 'mayFallBack' | 'leanInitrd'>;

async function bootCold(boot: ColdBoot, chosen: ChosenAccelerator): Promise<Booted> {
  const lean = await leanInitrd({ ...boot, log: (line) => boot.context.log(line) });
  const tried = await tryBoot({
    ...boot,
    lean,
    accelerator: chosen.accelerator,
    mayFallBack: chosen.fallBack !== null,
  });
  if (!(tried instanceof AcceleratorFailure)) {
    await chosen.bootedUp();
    return { session: tried, accelerator: chosen.accelerator };
  }
  const instead = chosen.fallBack?.(tried.message) ?? chosen;
  const session = await bootEither({ ...boot, lean, accelerator: instead.accelerator, mayFallBack: false });
  await instead.bootedUp();
  return { session, accelerator: instead.accelerator };
}

async function tryBoot(options: EitherBoot): Promise<Session | AcceleratorFailure> {
  try {
    return await bootEither(options);
  } catch (error) {
    if (error instanceof AcceleratorFailure) return error;
    throw error;
  }
}

type EitherBoot = Omit<BootOptions, 'leanInitrd'> & { readonly lean: LeanInitrd | null };

/** Boots with the lean initrd where there is one, and with the appliance's own where that does not come up. */
async function bootEither({ lean, ...options }: EitherBoot): Promise<Session> {
  const { config, context } = options;
  const { deadline } = context;
  deadline.waitFor(`the appliance to boot ${withDrives(config)}`);
  if (lean === null) return bootAppliance(options);
  const limit = Math.max(deadline.left / 2, LEAN_LIMIT);
  try {
    return await bootAppliance({ ...options, limit, leanInitrd: lean.content });
  } catch (error) {
    if (context.signal.aborted || !GuestfsError.is(error) || !INITRD_FAULTS.includes(error.code)) throw error;
    context.log(`initrd: the lean one did not come up, going on with the appliance's own: ${error.message}`);
    deadline.waitFor(`it to boot with its own initrd ${withDrives(config)}`);
    const session = await bootAppliance(options);
    await lean.failed();
    return session;
  }
}

/** Refuses what is wrong in itself, before anything is looked at or started. */
function checkConfig(config: LaunchConfig): void {
  checkDriveConfigs(config.drives);
  forcedAccelerator(config.backendSettings);
}
