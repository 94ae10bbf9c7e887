import { GuestfsError } from '../../../protocol/errors.js';
import { prepareAppliance } from '../../find/appliance.js';
import type { LaunchConfig, LaunchContext } from '../../config/config.js';
import { hostCpu } from '../../qemu/architecture.js';
import { chooseForHost } from '../../qemu/choose.js';
import { findQemu } from '../../qemu/find.js';
import { whyCold } from '../eligible.js';
import { prepareTemplate, type Prepared } from './prepare.js';

/**
 * Makes sure that the next launch with these settings starts from a template: builds the appliance where that is due, and
 * the template where there is none. Rejects with ERR_GUESTFS_UNSUPPORTED where such launches never use one.
 */
export async function prepareFor(
  config: LaunchConfig,
  context: Pick<LaunchContext, 'signal' | 'log' | 'warn'>,
): Promise<Prepared> {
  const why = whyCold(config);
  if (why !== null) {
    throw new GuestfsError('ERR_GUESTFS_UNSUPPORTED', `launches with these settings use no template: ${why}`, {
      operation: 'prepareAppliance',
      hint: 'prepare with the settings with which you launch, and see docs/launching.md',
    });
  }
  const cpu = hostCpu();
  const log = (line: string): void => context.log(line);
  const warn = (line: string): void => context.warn(line);
  const { signal } = context;
  const qemu = await findQemu(config.hv, cpu);
  const appliance = await prepareAppliance({ ...config, cpu, signal, log });
  const { root } = appliance;
  if (root === null) {
    throw new GuestfsError(
      'ERR_GUESTFS_UNSUPPORTED',
      'this appliance has no root of its own, so no template can be made of it',
    );
  }
  const { accelerator } = await chooseForHost({
    ...config,
    qemu,
    kernel: appliance.kernel,
    cpu,
    signal,
    log,
    warn,
    kvmDevice: '/dev/kvm',
  });
  return prepareTemplate({
    ...config,
    ingredients: { qemu, cpu, accelerator, appliance: { ...appliance, root } },
    signal,
    log,
  });
}
