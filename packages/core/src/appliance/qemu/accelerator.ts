import { GuestfsError } from '../../protocol/errors.js';
import { parseBoolean } from '../config/environment.js';
import type { AcceleratorName } from './architecture.js';

/** What is known of a fast accelerator on this host, since its boot and with this qemu. */
export interface Verdict {
  readonly works: boolean;
  /** Why it does not work, for people. */
  readonly reason: string;
}

/** What this host answered. */
export interface AcceleratorFacts {
  readonly platform: NodeJS.Platform;
  /** What `qemu -accel help` lists. */
  readonly builtIn: readonly string[];
  /** Whether /dev/kvm opens; the errno's name where it does not. */
  readonly kvmDevice: 'ok' | (string & {});
  /** null where it was not found out yet. */
  readonly verdict: Verdict | null;
}

/** Which accelerator to use. `probe` says to find out first whether it works. */
export interface AcceleratorChoice {
  readonly accelerator: AcceleratorName;
  readonly probe: boolean;
  /** Whether to go on with TCG when the machine dies early. */
  readonly mayFallBack: boolean;
  /** For the log. */
  readonly why: string;
  /** What the user should know, with what to do about it. */
  readonly warning?: string;
}

const OF_PLATFORM: Readonly<Partial<Record<NodeJS.Platform, AcceleratorName>>> = {
  linux: 'kvm',
  darwin: 'hvf',
  win32: 'whpx',
};

/** The fast accelerator of a platform; undefined where none is known. */
export function machineAccelerator(platform: NodeJS.Platform): AcceleratorName | undefined {
  return OF_PLATFORM[platform];
}

/** The accelerator that the backend settings demand; null where they leave the choice open. */
export function forcedAccelerator(settings: readonly string[]): 'kvm' | 'tcg' | null {
  const kvm = booleanSetting(settings, 'force_kvm');
  const tcg = booleanSetting(settings, 'force_tcg');
  if (kvm && tcg) {
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', 'the backend settings force_kvm and force_tcg exclude each other', {
      hint: 'set one of them, or none',
    });
  }
  if (kvm) return 'kvm';
  return tcg ? 'tcg' : null;
}

/** A backend setting that is on or off: `gdb` and `gdb=1` are on; what is not there is off. */
export function booleanSetting(settings: readonly string[], name: string): boolean {
  const found = settings.find((setting) => setting === name || setting.startsWith(`${name}=`));
  if (found === undefined || found === name) return found !== undefined;
  const word = found.slice(name.length + 1);
  const value = parseBoolean(word);
  if (value !== null) return value;
  throw new GuestfsError(
    'ERR_GUESTFS_ARGUMENT',
    `the backend setting ${name} must be 1 or 0, not ${JSON.stringify(word)}`,
    {
      hint: `use ${name}, ${name}=1 or ${name}=0`,
    },
  );
}

/** Chooses without asking anyone: all that it takes is in the facts. */
export function chooseAccelerator(facts: AcceleratorFacts): AcceleratorChoice {
  const fast = OF_PLATFORM[facts.platform];
  if (fast === undefined) return chooseTcg(`${facts.platform} has no accelerator that is known here`);
  if (!facts.builtIn.includes(fast)) return chooseTcg(`this qemu was built without ${fast}`);
  if (fast === 'kvm' && facts.kvmDevice !== 'ok') return withoutKvmDevice(facts.kvmDevice);
  if (facts.verdict === null) return { accelerator: fast, probe: true, mayFallBack: true, why: `${fast} is there` };
  if (!facts.verdict.works) return chooseTcg(`${fast} was found not to work on this host: ${facts.verdict.reason}`);
  return { accelerator: fast, probe: false, mayFallBack: true, why: `${fast} is known to work on this host` };
}

/** The choice where KVM is demanded; throws where it cannot be. */
export function requireKvm(facts: Pick<AcceleratorFacts, 'kvmDevice'>): AcceleratorChoice {
  if (facts.kvmDevice === 'ok') return { accelerator: 'kvm', probe: false, mayFallBack: false, why: 'force_kvm' };
  throw new GuestfsError(
    'ERR_GUESTFS_UNSUPPORTED',
    `force_kvm is set, but /dev/kvm cannot be opened (${facts.kvmDevice})`,
    {
      hint: kvmHint(facts.kvmDevice),
    },
  );
}

/** Software emulation. */
export function chooseTcg(why: string): AcceleratorChoice {
  return { accelerator: 'tcg', probe: false, mayFallBack: false, why };
}

function withoutKvmDevice(error: string): AcceleratorChoice {
  const choice = chooseTcg(`/dev/kvm cannot be opened (${error})`);
  if (error !== 'EACCES' && error !== 'EPERM') return choice;
  return {
    ...choice,
    warning: `/dev/kvm may not be opened, so the appliance runs under slow software emulation: ${kvmHint(error)}`,
  };
}

function kvmHint(error: string): string {
  return error === 'EACCES' || error === 'EPERM'
    ? 'sudo usermod -aG kvm "$USER", then log in again'
    : 'load the module (sudo modprobe kvm_intel or kvm_amd), or turn on virtualization in the firmware or the cloud';
}
