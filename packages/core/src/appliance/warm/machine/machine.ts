import { availableParallelism } from 'node:os';
import { CHANNEL_NAME, driveArguments } from '../../boot/command-line.js';
import { SETTINGS } from '../../config/settings.js';
import type { PreparedDrive } from '../../drives/prepare.js';
import { monitorArguments } from '../../monitor/qemu.js';
import { leanTraits, type AcceleratorName, type HostCpu } from '../../qemu/architecture.js';
import { formatOptions, type QemuOption } from '../../qemu/options.js';

/** The port by which the guest helper is reached. */
export const HELPER_CHANNEL = 'org.guestfs.helper.0';

/** What a template's machine and every machine restored from it have in common, and the files that make them differ. */
export interface WarmMachine {
  readonly cpu: HostCpu;
  readonly accelerator: AcceleratorName;
  /** The file that holds the machine's memory. */
  readonly ram: string;
  /** The qcow2 overlay over the appliance's root. */
  readonly root: string;
  /** While a template is made its files are written to; afterwards each machine has its own copy, made on writing. */
  readonly use: 'make' | 'restore';
  /** Where this library listens: for the daemon, the guest helper, and qemu's machine protocol. */
  readonly sockets: { readonly daemon: string; readonly helper: string; readonly qmp: string };
}

/**
 * qemu's arguments for a template's machine, without those that boot it, load it or add the user's disks.
 *
 * Every device has a fixed address, so that adding disks moves none; the same arguments always give the same machine.
 */
export function warmArguments(machine: WarmMachine): string[] {
  const { cpu, accelerator, sockets, use } = machine;
  const traits = leanTraits(cpu, accelerator);
  return [
    '-no-user-config',
    '-nodefaults',
    '-display',
    'none',
    '-object',
    formatOptions([
      ['memory-backend-file', null],
      ['id', 'ram0'],
      ['size', `${SETTINGS.memsize.initial}M`],
      ['mem-path', machine.ram],
      ['share', use === 'make' ? 'on' : 'off'],
    ]),
    '-machine',
    formatOptions([...traits.machine, ['accel', accelerator], ['memory-backend', 'ram0']]),
    ...(traits.cpu === null ? [] : ['-cpu', traits.cpu]),
    '-smp',
    String(Math.min(2, availableParallelism())),
    '-m',
    String(SETTINGS.memsize.initial),
    '-no-reboot',
    ...traits.extra,
    '-object',
    formatOptions([
      ['rng-random', null],
      ['filename', '/dev/urandom'],
      ['id', 'rng0'],
    ]),
    ...device('virtio-rng-pci', 2, [['rng', 'rng0']]),
    // The guest is told by its helper which disks there are, in their order; qemu's own word of it would come between.
    ...device('virtio-scsi-pci', 3, [
      ['id', 'scsi'],
      ['hotplug', 'off'],
    ]),
    '-drive',
    formatOptions([
      ['id', 'appliance'],
      ['if', 'none'],
      ['file.driver', 'file'],
      ['file.filename', machine.root],
      ['format', 'qcow2'],
      ['snapshot', use === 'make' ? 'off' : 'on'],
      ['werror', 'stop'],
      ['cache', 'unsafe'],
    ]),
    ...device('virtio-blk-pci', 4, [['drive', 'appliance']]),
    ...device('virtio-serial-pci', 5, [['id', 'serial']]),
    ...port(1, 'channel0', CHANNEL_NAME, sockets.daemon),
    ...port(2, 'helper', HELPER_CHANNEL, sockets.helper),
    '-serial',
    'stdio',
    ...monitorArguments(sockets.qmp),
  ];
}

/** The arguments that add the user's disks to a machine that was saved without them. */
export function diskArguments(drives: readonly PreparedDrive[]): string[] {
  return drives.flatMap(driveArguments);
}

function device(driver: string, slot: number, options: readonly QemuOption[]): string[] {
  return ['-device', formatOptions([[driver, null], ...options, ['addr', `0x${slot.toString(16)}`]])];
}

function port(number: number, chardev: string, name: string, path: string): string[] {
  return [
    ...socket(chardev, path),
    '-device',
    formatOptions([
      ['virtserialport', null],
      ['bus', 'serial.0'],
      ['nr', String(number)],
      ['chardev', chardev],
      ['name', name],
    ]),
  ];
}

function socket(id: string, path: string): string[] {
  return [
    '-chardev',
    formatOptions([
      ['socket', null],
      ['path', path],
      ['id', id],
    ]),
  ];
}
