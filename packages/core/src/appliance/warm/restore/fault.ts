import { GuestfsError } from '../../../protocol/errors.js';
import { RunFailure } from '../machine/machine-run.js';

/**
 * How far a restore came: qemu starts with the template's devices, loads the template's state, gets the user's disks, is
 * asked for a sign of life, and looks at the disks.
 */
export type RestoreStep = 'start' | 'load' | 'disks' | 'wake' | 'scan';

/** A restore that failed, and at which step. */
export class RestoreFailure extends Error {
  readonly step: RestoreStep;

  constructor(step: RestoreStep, cause: unknown) {
    super((cause as Error | null)?.message ?? String(cause), { cause });
    this.step = step;
  }
}

/** A host that did not let a machine get anywhere: nobody knows then what the machine would have done. */
export class HostBusyError extends Error {}

/** What qemu says where the host is short of something, or does not do what it did when the template was made. */
const HOST_CAUSES =
  /No space left on device|Disk quota exceeded|Cannot allocate memory|cannot set up guest memory|Too many open files|Resource temporarily unavailable|temporary file|kvm/i;
/** Signals that come from outside: an administrator, a resource limit, the kernel for want of memory. */
const FOREIGN_SIGNALS: readonly string[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGXCPU', 'SIGXFSZ'];

/** Whether a restore failed by what is in the template, so that each further one would fail too. */
export function isTemplateAtFault({ step, cause }: RestoreFailure): boolean {
  // The disks are the user's, and so is what the guest's kernel makes of them.
  if (step === 'disks' || step === 'scan') return false;
  if (!(cause instanceof RunFailure) || HOST_CAUSES.test(cause.stderr)) return false;
  const { end } = cause;
  if (end !== null) return end.exitCode !== null || (end.signal !== null && !FOREIGN_SIGNALS.includes(end.signal));
  if (step === 'load') return GuestfsError.is(cause.cause);
  return step === 'wake' && !(cause.cause instanceof HostBusyError);
}
