import type { LaunchConfig } from '../config/config.js';
import { booleanSetting } from '../qemu/accelerator.js';

/** Why this launch must use the initrd that came with the appliance; null where it may use the lean one. */
export function explainStockInitrd(config: LaunchConfig): string | null {
  if (config.network) return 'network is on';
  if (config.verbose) return 'verbose is on';
  if (config.selinux) return 'selinux is on';
  if (config.append !== undefined && config.append !== '') return 'the kernel gets arguments of yours (append)';
  if (config.qemuParameters.length > 0) return 'qemu gets parameters of yours (config)';
  if (booleanSetting(config.backendSettings, 'gdb')) return 'the backend setting gdb';
  if (booleanSetting(config.backendSettings, 'no_lean')) return 'the backend setting no_lean';
  return null;
}
