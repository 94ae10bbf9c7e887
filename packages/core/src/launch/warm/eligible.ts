import { DEFAULT_MEMSIZE } from '../environment.js';
import { booleanSetting } from '../qemu/accelerator.js';
import type { LaunchConfig } from '../config.js';

/** Why this launch must boot cold, for the log; null where it may start from a template. */
export function whyCold(config: LaunchConfig): string | null {
  if (process.platform !== 'linux') return `templates need Linux, and this is ${process.platform}`;
  if (!config.warm) return 'turned off by the option warm or by GUESTFS_WARM';
  if (booleanSetting(config.backendSettings, 'no_warm')) return 'the backend setting no_warm';
  if (config.memsize !== DEFAULT_MEMSIZE) return `memsize is ${config.memsize}, and templates have ${DEFAULT_MEMSIZE}`;
  if (config.smp !== 1) return 'smp was set';
  return whyStock(config);
}

/** Why this launch must use the initrd that came with the appliance; null where it may use the lean one. */
export function whyStock(config: LaunchConfig): string | null {
  if (config.network) return 'network is on';
  if (config.verbose) return 'verbose is on';
  if (config.selinux) return 'selinux is on';
  if (config.append !== undefined && config.append !== '') return 'the kernel gets arguments of yours (append)';
  if (config.qemuParameters.length > 0) return 'qemu gets parameters of yours (config)';
  if (booleanSetting(config.backendSettings, 'gdb')) return 'the backend setting gdb';
  if (booleanSetting(config.backendSettings, 'no_lean')) return 'the backend setting no_lean';
  return null;
}
