import { SETTINGS } from '../config/settings.js';
import { explainStockInitrd } from '../lean/eligible.js';
import { booleanSetting } from '../qemu/accelerator.js';
import type { LaunchConfig } from '../config/config.js';

/** Why this launch must boot cold, for the log; null where it may start from a template. */
export function explainColdBoot(config: LaunchConfig): string | null {
  if (process.platform !== 'linux') return `templates need Linux, and this is ${process.platform}`;
  if (!config.warm) return 'turned off by the option warm or by GUESTFS_WARM';
  if (booleanSetting(config.backendSettings, 'no_warm')) return 'the backend setting no_warm';
  if (config.memsize !== SETTINGS.memsize.initial)
    return `memsize is ${config.memsize}, and templates have ${SETTINGS.memsize.initial}`;
  if (config.smp !== 1) return 'smp was set';
  return explainStockInitrd(config);
}
