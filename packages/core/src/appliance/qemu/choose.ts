import { open } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { codeOf } from '../host/system-error.js';
import { chooseAccelerator, requireKvm, forcedAccelerator, chooseTcg, type AcceleratorChoice } from './accelerator.js';
import { hostCpu, type AcceleratorName, type HostCpu } from './architecture.js';
import { builtInAccelerators, type Qemu } from './find.js';
import { SingleFlight } from '../../waiting/single-flight.js';
import { probeAccelerator, type ProbeResult } from './probe.js';
import { UNCERTAIN_LIFETIME, AcceleratorCache } from './accelerator-cache.js';

export interface ChooseOptions {
  readonly qemu: Qemu;
  readonly kernel: string;
  readonly cpu: HostCpu;
  readonly cachedir: string;
  /** The device that KVM is reached by. */
  readonly kvmDevice: string;
  readonly backendSettings: readonly string[];
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly warn: (line: string) => void;
}

/** An accelerator to boot with. */
export interface ChosenAccelerator {
  readonly accelerator: AcceleratorName;
  /** The machine came up: what this shows is remembered for later launches on this host. */
  bootedUp(): Promise<void>;
  /** Gives what to boot with after the machine died early; null where a failure is final. Warns the user. */
  readonly fallBack: ((reason: string) => ChosenAccelerator) | null;
}

/** Machines that this process is trying: one for all that ask at the same time. */
const probes = new SingleFlight<ProbeResult>();

/** Decides by the backend settings, what this host says and what it is remembered for; probes where that leaves doubt. */
export async function chooseForHost(options: ChooseOptions): Promise<ChosenAccelerator> {
  const forced = forcedAccelerator(options.backendSettings);
  if (forced === 'tcg') return settled(options, chooseTcg('force_tcg'));
  const kvmDevice = platform() === 'linux' ? await openDevice(options.kvmDevice) : 'ENOENT';
  if (forced === 'kvm') return settled(options, requireKvm({ kvmDevice }));
  if (options.cpu !== hostCpu(arch()))
    return settled(options, chooseTcg(`a machine of ${options.cpu} is emulated on ${arch()}`));

  const store = new AcceleratorCache(options.cachedir, options.qemu);
  const remembered = await store.read();
  const builtIn = remembered?.builtIn ?? (await builtInAccelerators(options.qemu, options.log));
  if (builtIn === null) return settled(options, chooseTcg('this qemu does not list its accelerators'));
  const choice = chooseAccelerator({ platform: platform(), builtIn, kvmDevice, verdict: remembered?.verdict ?? null });
  if (!choice.mayFallBack) return settled(options, choice);

  const fallBack = (reason: string, lifetime?: number): ChosenAccelerator => {
    options.warn(fallbackWarning(choice.accelerator, reason));
    // Only a boot under TCG that succeeds shows that the accelerator was the fault, and not qemu or the kernel.
    const bootedUp = (): Promise<void> => store.write(builtIn, { works: false, reason }, lifetime);
    return { ...settled(options, chooseTcg(reason)), bootedUp };
  };
  if (choice.probe) {
    options.log(`probe ${choice.accelerator}`);
    const { accelerator } = choice;
    const key = JSON.stringify([
      options.qemu.identity,
      options.kernel,
      options.cachedir,
      options.kvmDevice,
      accelerator,
    ]);
    const result = await probes.run(key, options.signal, (signal) =>
      probeAccelerator({ ...options, signal, qemu: options.qemu.file, accelerator }),
    );
    if (result.outcome === 'died') return fallBack(result.reason);
    if (result.outcome === 'silent') return fallBack(result.reason, UNCERTAIN_LIFETIME);
    await store.write(builtIn, { works: true, reason: '' });
  }
  return { ...settled(options, choice), fallBack: (reason) => fallBack(reason) };
}

function settled(options: ChooseOptions, choice: AcceleratorChoice): ChosenAccelerator {
  options.log(`accelerator: ${choice.accelerator} (${choice.why})`);
  if (choice.warning !== undefined) options.warn(choice.warning);
  return { accelerator: choice.accelerator, bootedUp: async () => undefined, fallBack: null };
}

/** What the user is told when an accelerator is there but does not work. */
export function fallbackWarning(accelerator: AcceleratorName, reason: string): string {
  return `${accelerator.toUpperCase()} is there but does not run a machine (${reason.replaceAll('\n', ' ')}); going on with slow software emulation. To skip the attempt, set LIBGUESTFS_BACKEND_SETTINGS=force_tcg`;
}

async function openDevice(name: string): Promise<string> {
  try {
    const handle = await open(name, 'r+');
    await handle.close();
    return 'ok';
  } catch (error) {
    return codeOf(error) ?? 'unknown';
  }
}
