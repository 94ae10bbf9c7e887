import type { Group } from '../case.js';
import { archives } from './archives.js';
import { btrfs } from './btrfs.js';
import { content } from './content.js';
import { ext, extJournals } from './ext.js';
import { files, links } from './files.js';
import { fat, ntfs, swap, xfs } from './filesystems.js';
import { handle } from './handle.js';
import { commands, inspection, windows } from './inspection.js';
import { hostFiles } from './host.js';
import { inotify, metadata } from './metadata.js';
import { blockDevices, partitions } from './partitions.js';
import { full, missingDevices, missingPaths, readOnly, unmounted } from './refusals.js';
import { augeas, forensics, hivex, images } from './tools.js';
import { luks, lvm, md } from './volumes.js';

/** Everything that is compared; each group prepares the disks it uses itself. */
export const groups = (): readonly Group[] => [
  handle,
  partitions,
  blockDevices,
  ext,
  extJournals,
  files,
  links,
  content,
  metadata,
  inotify,
  archives,
  hivex,
  augeas,
  forensics,
  images,
  xfs,
  ntfs,
  fat,
  swap,
  btrfs,
  lvm,
  luks,
  md,
  inspection(),
  commands(),
  windows,
  hostFiles,
  missingPaths,
  missingDevices,
  unmounted,
  readOnly,
  full,
];
