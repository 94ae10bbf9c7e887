import { onAbort } from '@guestfs/events/internal';
import { holdDuring } from '../../protocol/keep-alive.js';
import { Tail } from '../process/tail.js';
import { startProcess } from '../process/run.js';
import { withDeathSignal } from '../process/death-signal.js';
import { machineTraits, type AcceleratorName, type HostCpu } from './architecture.js';
import { formatOptions } from './options.js';

/** A kernel that runs writes its first line within a fraction of a second; this many milliseconds are waited for it. */
export const PROBE_LIMIT = 3000;

export type ProbeResult =
  { readonly outcome: 'alive' } | { readonly outcome: 'died' | 'silent'; readonly reason: string };

export interface ProbeOptions {
  readonly qemu: string;
  readonly kernel: string;
  readonly accelerator: AcceleratorName;
  readonly cpu: HostCpu;
  readonly signal: AbortSignal;
  readonly limit?: number;
  readonly log?: ((line: string) => void) | undefined;
}

/**
 * Finds out whether a machine runs under an accelerator: boots the appliance's kernel, without disks, up to its first line.
 *
 * Less does not do. Hosts exist where /dev/kvm opens, a machine starts and the BIOS runs, but the kernel never does.
 */
export async function probeAccelerator(options: ProbeOptions): Promise<ProbeResult> {
  const [file, args] = await withDeathSignal(options.qemu, probeArguments(options), options.log);
  options.signal.throwIfAborted();
  const child = startProcess(file, args, {
    env: { ...process.env, LC_ALL: 'C', QEMU_AUDIO_DRV: 'none' },
    stdin: 'ignore',
    output: 'pipe',
    detached: false,
    log: options.log,
  });
  const log = new Tail(16 * 1024);
  let timer: NodeJS.Timeout | undefined;
  let withdraw = (): void => undefined;
  try {
    return await new Promise<ProbeResult>((resolve, reject) => {
      const read = (bytes: Buffer): void => {
        log.add(bytes);
        if (/Linux version /.test(log.text)) resolve({ outcome: 'alive' });
      };
      child.stdout?.on('data', read);
      child.stderr?.on('data', read);
      void child.ended.then(({ description }) =>
        resolve({ outcome: 'died', reason: [`qemu ${description}`, log.lines(3)].filter(Boolean).join(': ') }),
      );
      timer = setTimeout(
        () => resolve({ outcome: 'silent', reason: 'the kernel gave no sign of life' }),
        options.limit ?? PROBE_LIMIT,
      );
      withdraw = onAbort(options.signal, () => reject(options.signal.reason as Error));
    });
  } finally {
    clearTimeout(timer);
    withdraw();
    child.kill('SIGKILL');
    await holdDuring(child.ended);
  }
}

/** The smallest machine that boots the kernel as far as its first line. */
export function probeArguments({
  kernel,
  accelerator,
  cpu,
}: Pick<ProbeOptions, 'kernel' | 'accelerator' | 'cpu'>): string[] {
  const traits = machineTraits(cpu, accelerator);
  return [
    '-no-user-config',
    '-nodefaults',
    '-display',
    'none',
    '-machine',
    formatOptions([...traits.machine, ['accel', accelerator]]),
    ...(traits.cpu === null ? [] : ['-cpu', traits.cpu]),
    '-m',
    '256',
    '-no-reboot',
    '-serial',
    'stdio',
    '-kernel',
    kernel,
    '-append',
    ['panic=-1', ...traits.console, cpu === 'aarch64' ? 'earlycon' : 'earlyprintk=serial,ttyS0,115200'].join(' '),
  ];
}
