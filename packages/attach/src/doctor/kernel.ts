import { join } from 'node:path';
import type { DiagnosisSubject } from './check.js';
import type { Probes } from './probes.js';

/** The kernels that supermin could take, newest last by name. */
export async function hostKernels(probes: Probes): Promise<string[]> {
  const chosen = probes.env['SUPERMIN_KERNEL'];
  if (chosen) return [chosen];
  const names = await probes.names('/boot');
  return names
    .filter((name) => /^vmlinu[xz]-/.test(name))
    .sort()
    .map((name) => join('/boot', name));
}

/** A kernel to try an accelerator with: that of a fixed appliance, else one of the host; null where none can be read. */
export async function kernelOf(probes: Probes, { path }: DiagnosisSubject): Promise<string | null> {
  const appliance = await probes.searchAppliance(path);
  const candidates = appliance?.kind === 'ready' ? [appliance.files.kernel] : (await hostKernels(probes)).reverse();
  for (const file of candidates) if ((await probes.file(file)).readable) return file;
  return null;
}
