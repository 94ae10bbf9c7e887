/** A CPU by the name that uname, supermin and qemu's binaries use. */
export type HostCpu = 'x86_64' | 'aarch64' | (string & {});

const NAMES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', ppc64: 'ppc64', ia32: 'i386' };

/** The CPU's name for one of Node's `process.arch`. */
export function hostCpu(arch: string = process.arch): HostCpu {
  return NAMES[arch] ?? arch;
}

/** What differs between machines of one CPU and another. */
export interface MachineTraits {
  /** Options of `-machine` before the accelerator. */
  readonly machine: readonly (readonly [string, string | null])[];
  /** The kernel's arguments that choose its console. */
  readonly console: readonly string[];
  /** The value of `-cpu`, null for qemu's own choice. */
  readonly cpu: string | null;
  /** Further options that this machine needs. */
  readonly extra: readonly string[];
  /** Further arguments of its kernel. */
  readonly kernel?: readonly string[];
}

export type AcceleratorName = 'kvm' | 'hvf' | 'whpx' | 'tcg';

/** The traits of a CPU's machine under an accelerator. */
export function machineTraits(cpu: HostCpu, accelerator: AcceleratorName): MachineTraits {
  if (cpu === 'aarch64') {
    return {
      machine:
        accelerator === 'kvm'
          ? [
              ['virt', null],
              ['gic-version', 'host'],
            ]
          : [['virt', null]],
      console: ['console=ttyAMA0'],
      cpu: accelerator === 'tcg' ? 'max' : 'host',
      extra: [],
    };
  }
  if (cpu === 'x86_64' || cpu === 'i386') {
    return {
      // Without graphics the BIOS writes to the serial port: the earliest sign of life.
      machine: [['graphics', 'off']],
      console: ['console=ttyS0'],
      // Five-level paging costs time under TCG and buys a small appliance nothing.
      cpu: 'max,la57=off',
      extra: [
        '-rtc',
        'driftfix=slew',
        ...(accelerator === 'kvm' ? ['-global', 'kvm-pit.lost_tick_policy=discard'] : []),
      ],
    };
  }
  if (cpu === 'ppc64')
    return { machine: [['pseries', null]], console: ['console=hvc0', 'console=ttyS0'], cpu: null, extra: [] };
  if (cpu === 's390x')
    return { machine: [['s390-ccw-virtio', null]], console: ['console=ttysclp0'], cpu: 'max', extra: [] };
  return { machine: [['virt', null]], console: ['console=ttyS0'], cpu: null, extra: [] };
}

/** The traits of a machine that boots the lean initrd. */
export function leanTraits(cpu: HostCpu, accelerator: AcceleratorName): MachineTraits {
  const traits = machineTraits(cpu, accelerator);
  if (cpu !== 'x86_64') return traits;
  return {
    ...traits,
    // The older machine's interrupts are set up by a program in its firmware's tables, which costs an emulated processor
    // more than a second.
    machine: [['q35', null], ...traits.machine],
    ...(accelerator === 'tcg' && EMULATED),
  };
}

/**
 * What an emulated processor is better without, which makes everything in the machine a sixth faster.
 *
 * It runs instructions that repeat themselves (`rep movs`, `rep stos`) one element at a time, so the kernel and libc had
 * better copy and clear memory in loops: `erms` and the kernel's flag number 112, `rep_good`, tell them otherwise. And it
 * does not run ahead of the program, so there is nothing to mitigate.
 */
const EMULATED: Pick<MachineTraits, 'cpu' | 'kernel'> = {
  cpu: 'max,la57=off,erms=off',
  kernel: ['clearcpuid=112', 'mitigations=off'],
};
