import { Operation } from '@guestfs/core';
import type { CallOptions } from '@guestfs/core';
import { prepareFor } from '@guestfs/core/appliance';
import { createEvent } from '@guestfs/events';
import type { LibraryEvent, WarningEvent } from '@guestfs/events';
import { rejected } from './call/operations.js';
import { Handle } from './handle/handle.js';
import { launchConfig } from './handle/settings.js';
import { applyOptions, optionMistake } from './options.js';
import type { GuestfsOptions } from './options.js';

/** What `prepareAppliance` found or made. */
export interface PreparedAppliance {
  /** Names the template; another qemu, kernel or appliance has another. */
  readonly template: string;
  /** The folder with its files. */
  readonly folder: string;
  /** False where it was there already. */
  readonly made: boolean;
}

export interface PrepareApplianceOptions extends GuestfsOptions, CallOptions {
  /** Told every step. */
  readonly onMessage?: ((event: LibraryEvent | WarningEvent) => void) | undefined;
}

/**
 * Does beforehand what makes launches fast: builds the appliance, boots it once, and keeps the machine as a template from
 * which launches with the same settings start. Takes half a minute without KVM; at once where the template is there.
 *
 * Rejects with `ERR_GUESTFS_UNSUPPORTED` where launches with these settings use no template, and with the errors of a
 * launch otherwise. Without it the first launch is cold, and a template is made in the background after it.
 */
export function prepareAppliance(options: PrepareApplianceOptions = {}): Operation<PreparedAppliance> {
  const mistake = optionMistake('prepareAppliance', options);
  if (mistake !== null) return rejected('prepareAppliance', mistake);
  const { signal, onProgress, onMessage, ...settings } = options;
  return Operation.run('prepareAppliance', { signal, onProgress }, async (control) => {
    const handle = new Handle(settings.environment ?? process.env);
    applyOptions(handle, settings);
    const abort = new AbortController();
    const stopListening = control.onCancel((error) => abort.abort(error));
    try {
      const { template, made } = await prepareFor(launchConfig(handle.settings, []), {
        signal: abort.signal,
        log: (line) => onMessage?.(createEvent.library(line)),
        warn: (line) => onMessage?.(createEvent.warning(line)),
      });
      return { template: template.key, folder: template.folder, made };
    } finally {
      stopListening();
    }
  });
}
