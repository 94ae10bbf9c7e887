import { installHint, machineAccelerator, parseAccelerators } from '@guestfs/core/appliance';
import { failed, ok, skipped, warning, type Check, type DiagnosisSubject } from './check.js';
import { kernelOf } from './kernel.js';
import type { Probes } from './probes.js';

/** The oldest version of qemu that takes all the options that are used. */
const OLDEST = [5, 0] as const;

const qemuNames = ({ hv }: DiagnosisSubject, { cpu }: Probes): readonly string[] =>
  hv === undefined || hv === '' ? [`qemu-system-${cpu}`, 'qemu-kvm', '/usr/libexec/qemu-kvm'] : [hv];

async function findQemu(probes: Probes, subject: DiagnosisSubject): Promise<string | null> {
  for (const name of qemuNames(subject, probes)) {
    const file = await probes.findProgram(name);
    if (file !== null) return file;
  }
  return null;
}

export const checkQemu: Check = async (probes, subject) => {
  const file = await findQemu(probes, subject);
  if (file !== null) return ok('qemu', file);
  if (subject.hv)
    return failed('qemu', `the chosen ${subject.hv} cannot be executed`, 'correct LIBGUESTFS_HV, or unset it');
  return failed(
    'qemu',
    `none of ${qemuNames(subject, probes).join(', ')} is installed`,
    installHint('qemu', probes.platform),
  );
};

export const checkQemuVersion: Check = async (probes, subject) => {
  const file = await findQemu(probes, subject);
  if (file === null) return skipped('qemu-version', 'no qemu');
  const { output, failure } = await probes.run(file, ['-version']);
  const [, version, major, minor] = /version ((\d+)\.(\d+)[^\s,(]*)/.exec(output) ?? [];
  if (failure !== null || version === undefined) {
    return failed(
      'qemu-version',
      `${file} does not tell its version${failure === null ? '' : ` (it ${failure})`}`,
      'run it by hand to see why; install qemu anew',
    );
  }
  const old = Number(major) < OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) < OLDEST[1]);
  return old
    ? failed('qemu-version', version, `install qemu ${OLDEST.join('.')} or newer`)
    : ok('qemu-version', version);
};

export const checkQemuImg: Check = async (probes) => {
  const file = await probes.findProgram('qemu-img');
  if (file !== null) return ok('qemu-img', file);
  return warning(
    'qemu-img',
    'not installed: no qcow2 images can be created, no compressed appliance be used',
    installHint('qemu-img', probes.platform),
  );
};

const forced = ({ backendSettings }: DiagnosisSubject, name: string): boolean =>
  backendSettings.some((setting) => setting === name || new RegExp(`^${name}=(1|true|yes|on|t|y)$`, 'i').test(setting));

export const checkKvm: Check = async (probes, subject) => {
  if (probes.platform !== 'linux') return skipped('kvm', `${probes.platform} has another accelerator`);
  if (forced(subject, 'force_tcg')) return skipped('kvm', 'force_tcg is set');
  const result = await probes.openDevice('/dev/kvm');
  if (result === 'ok') return ok('kvm', '/dev/kvm opens');
  if (result === 'EACCES' || result === 'EPERM') {
    return failed(
      'kvm',
      '/dev/kvm is there, but this user may not open it: launches are slow',
      'sudo usermod -aG kvm "$USER", then log in again',
    );
  }
  return warning(
    'kvm',
    `/dev/kvm cannot be opened (${result}): launches are slow`,
    'load the module (sudo modprobe kvm_intel or kvm_amd), or turn on virtualization in the firmware or the cloud',
  );
};

/** Asks qemu what it has, and really runs a kernel under the one that would be used. */
export const checkAccelerators: Check = async (probes, subject) => {
  const file = await findQemu(probes, subject);
  if (file === null) return skipped('accelerators', 'no qemu');
  const { output, failure } = await probes.run(file, ['-accel', 'help']);
  const builtIn = failure === null ? parseAccelerators(output) : [];
  const list = builtIn.join(', ') || 'none that it tells of';
  if (forced(subject, 'force_tcg')) return ok('accelerators', `${list}; tcg is set by force_tcg`);
  const fast = machineAccelerator(probes.platform);
  if (fast === undefined || !builtIn.includes(fast)) {
    return warning(
      'accelerators',
      `${list}; launches are slow without ${fast ?? 'an accelerator of this platform'}`,
      'install a qemu that was built with it',
    );
  }
  if (fast === 'kvm' && (await probes.openDevice('/dev/kvm')) !== 'ok')
    return skipped('accelerators', `${list}; kvm is there, but not /dev/kvm`);
  const kernel = await kernelOf(probes, subject);
  if (kernel === null)
    return warning(
      'accelerators',
      `${list}; ${fast} was not tried, for want of a kernel that can be read`,
      'mend the kernel first',
    );
  const { works, reason } = await probes.tryAccelerator(file, kernel, fast);
  if (works) return ok('accelerators', `${list}; ${fast} runs a kernel`);
  const why = reason.replaceAll('\n', ' ');
  return failed(
    'accelerators',
    `${list}; ${fast} is there, but does not run a kernel (${why}): launches are slow`,
    'turn on (nested) virtualization where this machine is hosted; until then set LIBGUESTFS_BACKEND_SETTINGS=force_tcg',
  );
};
