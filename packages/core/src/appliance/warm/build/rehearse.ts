import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from '../../../protocol/connection/connection.js';
import { procedures } from '../../../protocol/generated/procedures.js';
import type { QmpClient } from '../../qmp/client.js';
import type { GuestHelper } from '../machine/wake.js';

export interface Rehearsal {
  readonly connection: Connection;
  readonly qmp: QmpClient;
  readonly helper: GuestHelper;
  /** Where the disk that is tried can lie. */
  readonly folder: string;
}

const DISK_SIZE = 256 * 1024 * 1024;
const NODE = 'rehearsal';
const DEVICE = 'rehearsal-disk';
/** Modules that sessions mostly need; a kernel without one has it built in, or not at all. */
const MODULES = 'xfs btrfs vfat nls_cp437 nls_ascii nls_utf8 isofs squashfs ntfs3 dm_crypt raid1';

/** Rules of udev for what the machine does not have: sound, input, cameras, tapes, USB, networks, seats. */
const POINTLESS_RULES = [
  ...[
    '50-firmware',
    '60-autosuspend',
    '60-cdrom_id',
    '60-drm',
    '60-evdev',
    '60-fido-id',
    '60-infiniband',
    '60-input-id',
  ],
  ...['60-persistent-alsa', '60-persistent-input', '60-persistent-storage-tape', '60-persistent-v4l', '60-sensor'],
  ...['60-serial', '70-camera', '70-joystick', '70-mouse', '70-power-switch', '70-touchpad', '70-uaccess', '71-seat'],
  ...['73-seat-late', '73-special-net-names', '75-net-description', '75-probe_mtd', '78-sound-card'],
  ...['80-net-setup-link', '81-net-dhcp', '85-hwclock'],
];

/**
 * Has udev do less for each disk that is added; what it finds out is the same. The driver of disks is there, so no modules
 * are looked for. And a disk that was just powered on says so, which udev would take for a change and look at it twice
 * again. The number of udev's workers stays: with few of them, volume groups and arrays that wait for each other's events
 * would wait in vain.
 */
const LIGHTER_UDEV = [
  'mkdir -p /run/udev/rules.d && cd /run/udev/rules.d',
  `echo 'SUBSYSTEM=="scsi", ENV{MODALIAS}=""' > 79-guestfs.rules`,
  `{ ! [ -e /lib/udev/rules.d/60-block.rules ] || sed '/SUBSYSTEM=="scsi".*uevent/d' /lib/udev/rules.d/60-block.rules > 60-block.rules; }`,
  `for rules in ${POINTLESS_RULES.join(' ')}; do ln -s /dev/null $rules.rules; done`,
  'udevadm control --reload',
].join(' && ');

/**
 * Plays a small session on a disk that is added for it and removed again: the programs, libraries and modules that a
 * session needs are then in the machine's memory when it is saved, and nothing else of it is left.
 */
export async function rehearse({ connection, qmp, helper, folder }: Rehearsal): Promise<void> {
  const shell = (command: string): Promise<string> => connection.call(procedures.debug, ['sh', [command]]);
  await shell(LIGHTER_UDEV);
  const file = join(folder, 'rehearsal.img');
  await writeFile(file, '', { mode: 0o600 });
  await truncate(file, DISK_SIZE);
  await qmp.execute('blockdev-add', { driver: 'raw', 'node-name': NODE, file: { driver: 'file', filename: file } });
  await qmp.execute('device_add', {
    driver: 'scsi-hd',
    id: DEVICE,
    drive: NODE,
    bus: 'scsi.0',
    channel: 0,
    'scsi-id': 0,
    lun: 0,
  });
  await helper.wake(1, { rehearsal: true }).ready;
  await playSession(connection);
  await shell(
    `for m in ${MODULES}; do modprobe $m; done 2>/dev/null; lvm pvscan --cache --activate ay; mdadm -As; true`,
  );
  // A second time, for what udev loads when it removes a disk.
  await shell('echo 1 > /sys/block/sda/device/delete; udevadm settle');
  const removed = qmp.event(({ name, data }) => name === 'DEVICE_DELETED' && data['device'] === DEVICE);
  await qmp.execute('device_del', { id: DEVICE });
  await removed;
  await qmp.execute('blockdev-del', { 'node-name': NODE });
  await rm(file);
  const left = await connection.call(procedures.listDevices);
  if (left.length > 0) throw new Error(`the rehearsal's disk is still there: ${left.join(' ')}`);
  await shell('sync; udevadm settle');
}

async function playSession(connection: Connection): Promise<void> {
  await connection.call(procedures.listDevices);
  await connection.call(procedures.partDisk, ['/dev/sda', 'gpt']);
  await connection.call(procedures.mkfs, ['ext4', '/dev/sda1']);
  await connection.call(procedures.listPartitions);
  await connection.call(procedures.listFilesystems);
  await connection.call(procedures.mount, ['/dev/sda1', '/']);
  await connection.call(procedures.internalWrite, ['/file', Buffer.from('rehearsal')]);
  await connection.call(procedures.isFile, ['/file']);
  await connection.call(procedures.internalAutosync);
}
