import { environmentDefaults } from '@guestfs/core/appliance';
import { checkAppliance, checkKernel, checkSupermin } from './appliance-checks.js';
import { CHECK_IDS, failed, type Check, type CheckId, type CheckResult, type DiagnosisSubject } from './check.js';
import { checkFolders, checkLibvirt, checkSockets, checkSpace } from './host-checks.js';
import { hostProbes, type Probes } from './probes.js';
import { checkAccelerators, checkKvm, checkQemu, checkQemuImg, checkQemuVersion } from './qemu-checks.js';

const CHECKS: Readonly<Record<CheckId, Check>> = {
  qemu: checkQemu,
  'qemu-version': checkQemuVersion,
  'qemu-img': checkQemuImg,
  accelerators: checkAccelerators,
  kvm: checkKvm,
  appliance: checkAppliance,
  supermin: checkSupermin,
  kernel: checkKernel,
  space: checkSpace,
  folders: checkFolders,
  sockets: checkSockets,
  libvirt: checkLibvirt,
};

export interface DiagnoseOptions {
  /** Only these; default all. */
  readonly checks?: readonly CheckId[] | undefined;
  /** The settings to check; default those of the environment. */
  readonly subject?: DiagnosisSubject | undefined;
  readonly probes?: Probes | undefined;
}

/** Checks everything that a launch needs, one check after the other. Never rejects but for a wrong environment variable. */
export async function diagnose(options: DiagnoseOptions = {}): Promise<CheckResult[]> {
  const subject = options.subject ?? environmentDefaults(process.env);
  const probes = options.probes ?? hostProbes;
  const results: CheckResult[] = [];
  for (const id of options.checks ?? CHECK_IDS) {
    try {
      results.push(await CHECKS[id](probes, subject));
    } catch (error) {
      results.push(
        failed(
          id,
          `the check itself failed: ${(error as Error).message}`,
          'report this, with the output of this command',
        ),
      );
    }
  }
  return results;
}

const SIGNS = { ok: '✔', warning: '!', failed: '✘', skipped: '-' } as const;

/** A line for each check, and its mend below where there is one. */
export function formatDiagnosis(results: readonly CheckResult[]): string {
  const width = Math.max(...results.map(({ id }) => id.length));
  return results
    .map(
      ({ id, status, found, mend }) =>
        `${SIGNS[status]} ${id.padEnd(width)}  ${found}${mend === undefined ? '' : `\n  ${' '.repeat(width)}  → ${mend}`}`,
    )
    .join('\n');
}
