import { GuestfsError } from '@guestfs/core';
import { createDisk, imageInfo } from '@guestfs/core/appliance';
import type { CreateDiskOptions, ImageInfo } from '@guestfs/core/appliance';
import type { Run } from '../../call/run.js';
import type { DiskCreateOptions } from '../../generated/options.js';

type Preallocation = NonNullable<CreateDiskOptions['preallocation']>;

const PREALLOCATIONS: readonly string[] = ['off', 'sparse', 'metadata', 'full'] satisfies Preallocation[];

export async function diskCreate(
  run: Run,
  filename: string,
  format: string,
  size: bigint | number,
  options: DiskCreateOptions,
): Promise<void> {
  const { backingfile, backingformat, preallocation, compat, clustersize } = options;
  if (format !== 'raw' && format !== 'qcow2') throw refused('`format` must be `raw` or `qcow2`');
  if (preallocation !== undefined && !PREALLOCATIONS.includes(preallocation)) {
    throw refused(`\`preallocation\` must be one of ${PREALLOCATIONS.join(', ')}`);
  }
  await createDisk({
    path: filename,
    format,
    size,
    backingfile,
    backingformat,
    preallocation: preallocation as Preallocation | undefined,
    compat,
    clustersize,
    signal: run.signal,
    log: (line) => run.handle.log(line),
  });
}

export const diskFormat = async (run: Run, filename: string): Promise<string> => (await inspect(run, filename)).format;

export const diskVirtualSize = async (run: Run, filename: string): Promise<bigint> =>
  (await inspect(run, filename)).virtualSize;

export const diskHasBackingFile = async (run: Run, filename: string): Promise<boolean> =>
  (await inspect(run, filename)).backingFile !== null;

function inspect(run: Run, filename: string): Promise<ImageInfo> {
  return imageInfo(filename, { signal: run.signal, log: (line) => run.handle.log(line) });
}

function refused(message: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', message, { operation: 'diskCreate' });
}
