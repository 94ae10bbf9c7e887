import { GuestfsError } from '../../../protocol/errors.js';
import { Deadline } from '../../../waiting/deadline.js';
import { explainTimeout } from '../../boot/failure.js';
import { prepareAppliance } from '../../find/appliance.js';
import type { LaunchConfig, LaunchContext } from '../../config/config.js';
import { hostCpu } from '../../qemu/architecture.js';
import { chooseForHost } from '../../qemu/choose.js';
import { findQemu } from '../../qemu/find.js';
import { explainColdBoot } from '../eligible.js';
import { prepareTemplate, type Prepared } from './prepare.js';

/**
 * Makes sure that the next launch with these settings starts from a template: builds the appliance where that is due, and
 * the template where there is none. Rejects with ERR_GUESTFS_UNSUPPORTED where such launches never use one.
 */
export async function prepareFor(
  config: LaunchConfig,
  context: Pick<LaunchContext, 'signal' | 'log' | 'warn'>,
): Promise<Prepared> {
  const deadline = new Deadline(config.timeout, {
    signal: context.signal,
    late: (account) => explainTimeout(config.timeout, { console: '', account }),
  });
  try {
    return await prepare(config, { ...context, signal: deadline.signal }, deadline);
  } finally {
    deadline.release();
  }
}

async function prepare(
  config: LaunchConfig,
  context: Pick<LaunchContext, 'signal' | 'log' | 'warn'>,
  deadline: Deadline,
): Promise<Prepared> {
  const why = explainColdBoot(config);
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
  deadline.waitFor('the appliance to be found or built');
  const appliance = await prepareAppliance({ ...config, cpu, signal, log });
  const { root } = appliance;
  if (root === null) {
    throw new GuestfsError(
      'ERR_GUESTFS_UNSUPPORTED',
      'this appliance has no root of its own, so no template can be made of it',
    );
  }
  deadline.waitFor('the accelerator to be chosen');
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
  deadline.waitFor('the template to be made');
  return prepareTemplate({
    ...config,
    inputs: { qemu, cpu, accelerator, appliance: { ...appliance, root } },
    signal,
    log,
  });
}
