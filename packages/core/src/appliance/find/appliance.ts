import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { GuestfsError } from '../../protocol/errors.js';
import type { HostCpu } from '../qemu/architecture.js';
import { readRootUuid, rootFormatOf } from './root-uuid.js';
import { searchAppliance, type ApplianceFiles } from './search.js';
import { buildAppliance } from './supermin.js';

/** An appliance that can be booted. */
export interface Appliance extends ApplianceFiles {
  /** Of the root filesystem; null where there is none. */
  readonly rootUuid: string | null;
  /** `raw`, or `qcow2` as a fixed appliance may have it. */
  readonly rootFormat: 'raw' | 'qcow2';
}

export interface ApplianceOptions {
  readonly path: readonly string[];
  readonly cachedir: string;
  readonly cpu: HostCpu;
  readonly verbose: boolean;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** Finds the appliance along the path, and builds it where only its skeleton is there. */
export async function prepareAppliance(options: ApplianceOptions): Promise<Appliance> {
  const found = await searchAppliance(options.path, options.cpu);
  options.log(`appliance: ${found.kind === 'supermin' ? 'supermin skeleton' : 'ready made'} in ${found.folder}`);
  const files = found.kind === 'ready' ? found.files : await buildAppliance({ ...options, folder: found.folder });
  await checkReadable(files);
  if (files.root === null) return { ...files, rootUuid: null, rootFormat: 'raw' };
  const rootFormat = await rootFormatOf(files.root);
  return { ...files, rootFormat, rootUuid: await readRootUuid(files.root, rootFormat) };
}

async function checkReadable({ kernel, initrd, root }: ApplianceFiles): Promise<void> {
  for (const file of [kernel, initrd, ...(root === null ? [] : [root])]) {
    await access(file, constants.R_OK).catch((cause: unknown) => {
      const code = file === kernel ? 'ERR_GUESTFS_KERNEL_UNREADABLE' : 'ERR_GUESTFS_APPLIANCE_BUILD';
      throw new GuestfsError(code, `the appliance's file ${file} cannot be read`, {
        hint: `sudo chmod 0644 ${file}`,
        cause,
      });
    });
  }
}
