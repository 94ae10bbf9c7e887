import { diagnose, formatDiagnosis } from '@guestfs/attach';
import type { CheckId, DiagnosisSubject } from '@guestfs/attach';
import { GuestfsError } from '@guestfs/core';

/** The checks that may explain an error of a launch. */
const MATCHING: Readonly<Partial<Record<string, readonly CheckId[]>>> = {
  ERR_GUESTFS_APPLIANCE_NOT_FOUND: ['appliance'],
  ERR_GUESTFS_APPLIANCE_BUILD: ['supermin', 'kernel', 'space', 'folders'],
  ERR_GUESTFS_KERNEL_UNREADABLE: ['kernel'],
  ERR_GUESTFS_LAUNCH_TIMEOUT: ['qemu-version', 'kvm'],
  ERR_GUESTFS_LIBVIRT: ['libvirt'],
  ERR_GUESTFS_LIBVIRT_NOT_FOUND: ['libvirt'],
  ERR_GUESTFS_NO_SPACE: ['space'],
  ERR_GUESTFS_QEMU_EXITED: ['qemu-version', 'kvm', 'appliance', 'space'],
  ERR_GUESTFS_QEMU_NOT_FOUND: ['qemu', 'qemu-img'],
  ERR_GUESTFS_UNSAFE_PATH: ['folders'],
};

/** Puts what the checks that match find wrong into the error of a launch. */
export async function withChecks(error: unknown, subject: DiagnosisSubject): Promise<unknown> {
  if (!GuestfsError.is(error)) return error;
  const checks = MATCHING[error.code];
  if (checks === undefined) return error;
  const wrong = (await diagnose({ checks, subject })).filter(
    ({ status }) => status === 'failed' || status === 'warning',
  );
  if (wrong.length === 0) return error;
  return error.withDiagnosis(formatDiagnosis(wrong));
}
