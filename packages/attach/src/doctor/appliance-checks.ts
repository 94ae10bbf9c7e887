import { installHint } from '@guestfs/core/appliance';
import { failed, ok, skipped, warning, type Check } from './check.js';
import { hostKernels } from './kernel.js';

export const checkAppliance: Check = async (probes, { path }) => {
  const found = await probes.searchAppliance(path);
  if (found === null) {
    return failed(
      'appliance',
      `none in ${path.join(', ')}`,
      `${installHint('appliance', probes.platform)}; or set LIBGUESTFS_PATH to a fixed appliance`,
    );
  }
  if (found.kind === 'supermin') return ok('appliance', `supermin skeleton in ${found.folder}`);
  const { kernel, initrd, root } = found.files;
  for (const file of [kernel, initrd, ...(root === null ? [] : [root])]) {
    if (!(await probes.file(file)).readable)
      return failed('appliance', `${file} cannot be read`, `sudo chmod 0644 ${file}`);
  }
  return ok('appliance', `${root === null ? 'old style' : 'fixed'}, in ${found.folder}`);
};

export const checkSupermin: Check = async (probes, { path }) => {
  const found = await probes.searchAppliance(path);
  if (found?.kind === 'ready') return skipped('supermin', 'the appliance is ready made');
  const file = await probes.findProgram('supermin');
  if (file === null) return failed('supermin', 'not installed', installHint('supermin', probes.platform));
  const { output, failure } = await probes.run(file, ['--version']);
  if (failure !== null)
    return failed('supermin', `${file} ${failure}`, 'run it by hand to see why; install supermin anew');
  return ok('supermin', output.trim().split('\n')[0] ?? file);
};

export const checkKernel: Check = async (probes, { path }) => {
  const found = await probes.searchAppliance(path);
  if (found?.kind === 'ready') return skipped('kernel', 'the appliance has its own');
  const kernels = await hostKernels(probes);
  if (kernels.length === 0)
    return failed(
      'kernel',
      'none in /boot',
      'install one: sudo apt install linux-image-amd64, or sudo dnf install kernel-core; or set SUPERMIN_KERNEL and SUPERMIN_MODULES',
    );
  const facts = await Promise.all(kernels.map((file) => probes.file(file)));
  const unreadable = kernels.filter((_, i) => facts[i]?.readable !== true);
  const newest = kernels.at(-1) ?? '';
  if (unreadable.length === 0) return ok('kernel', newest);
  const mend = `sudo chmod 0644 ${unreadable.join(' ')}; Ubuntu does this for later kernels too: sudo dpkg-statoverride --update --add root root 0644 FILE`;
  const missing = facts.some(({ error }) => error === 'ENOENT');
  if (missing)
    return failed('kernel', `${unreadable.join(', ')} does not exist`, 'correct SUPERMIN_KERNEL, or unset it');
  return unreadable.includes(newest) || unreadable.length === kernels.length
    ? failed('kernel', `${unreadable.join(', ')} cannot be read by this user`, mend)
    : warning('kernel', `${newest} can be read, ${unreadable.join(', ')} cannot`, mend);
};
