import { channelOfDomain, drivesOfDomain, findDomain, Virsh } from '@guestfs/attach/internal';
import { GuestfsError } from '@guestfs/core';
import type { DriveConfig } from '@guestfs/core';
import { checkDriveConfigs, makeDrive } from '@guestfs/core/appliance';
import type { Run } from '../../call/run.js';
import type { AddDomainOptions } from '../../generated/options.js';
import type { Handle } from '../../handle/handle.js';
import { clearBackendSetting } from '../../handle/settings.js';
import { appendDrives, toAddDrive } from './drives.js';

export async function addDomain(run: Run, dom: string, options: AddDomainOptions): Promise<number> {
  run.hold();
  const { handle, signal } = run;
  const { libvirturi, allowuuid = false, live = false, readonly = false } = options;
  if (live && readonly) {
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', '`live` and `readonly` exclude each other', {
      operation: run.name,
      hint: 'the daemon in a live guest writes to its mounted filesystems; leave `live` out to read the disks only',
    });
  }
  if (live && handle.drives.length > 0) {
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', 'a live guest cannot be given the drives that were added', {
      operation: run.name,
      hint: 'use a handle of its own for it',
    });
  }
  const virsh = new Virsh({
    uri: libvirturi,
    tmpdir: handle.settings.tmpdir,
    signal,
    log: (line) => handle.log(line),
    authenticate: handle.authenticate,
  });
  const domain = await findDomain(virsh, dom, allowuuid);
  if (live) {
    const channel = await channelOfDomain(virsh, domain);
    handle.requireConfig(run.name);
    handle.attachTo(channel);
    return 0;
  }
  const drives = await drivesOfDomain(virsh, domain, driveOptions(options));
  // Checked as if they had been added one by one, before the first of them is.
  checkDriveConfigs(drives);
  const checked = drives.map(toAddDrive).map(({ file, ...rest }) => makeDrive(file, rest));
  handle.requireConfig(run.name);
  setLabels(handle, domain.selinux);
  appendDrives(handle, checked);
  return checked.length;
}

function driveOptions(options: AddDomainOptions) {
  const { readonly, readonlydisk, iface, copyonread } = options;
  const cachemode = options.cachemode as DriveConfig['cachemode'];
  const discard = options.discard as DriveConfig['discard'];
  return { readonly, readonlydisk, iface, cachemode, discard, copyonread };
}

/** With the labels of the domain, libvirt lets our machine read images that are labelled for the domain's. */
function setLabels({ settings }: Handle, labels: { label: string; imagelabel: string } | null): void {
  for (const name of ['internal_libvirt_label', 'internal_libvirt_imagelabel']) clearBackendSetting(settings, name);
  if (labels === null) return;
  settings.backendSettings.push(
    `internal_libvirt_label=${labels.label}`,
    `internal_libvirt_imagelabel=${labels.imagelabel}`,
  );
}
