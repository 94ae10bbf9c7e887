import type { Probes } from './probes.js';

/** `failed`: a launch fails, or is much slower than it could be. `warning`: something that may matter. `skipped`: of no concern here. */
export type CheckStatus = 'ok' | 'warning' | 'failed' | 'skipped';

export interface CheckResult {
  /** Stable: `qemu`, `kvm`, `kernel`, … */
  readonly id: CheckId;
  readonly status: CheckStatus;
  /** What was found, one line. */
  readonly found: string;
  /** What to do about it, for all but `ok` and `skipped`. */
  readonly mend?: string;
}

export const CHECK_IDS = [
  'qemu',
  'qemu-version',
  'qemu-img',
  'accelerators',
  'kvm',
  'appliance',
  'supermin',
  'kernel',
  'space',
  'folders',
  'sockets',
  'libvirt',
] as const;
export type CheckId = (typeof CHECK_IDS)[number];

/** What a diagnosis is about: the settings that a launch would have. */
export interface DiagnosisSubject {
  readonly hv?: string | undefined;
  readonly path: readonly string[];
  readonly tmpdir: string;
  readonly cachedir: string;
  readonly sockdir: string;
  readonly backend: string;
  readonly backendSettings: readonly string[];
}

export type Check = (probes: Probes, subject: DiagnosisSubject) => Promise<CheckResult>;

export const ok = (id: CheckId, found: string): CheckResult => ({ id, status: 'ok', found });
export const skipped = (id: CheckId, found: string): CheckResult => ({ id, status: 'skipped', found });
export const warning = (id: CheckId, found: string, mend: string): CheckResult => ({
  id,
  status: 'warning',
  found,
  mend,
});
export const failed = (id: CheckId, found: string, mend: string): CheckResult => ({
  id,
  status: 'failed',
  found,
  mend,
});
