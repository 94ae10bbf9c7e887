import { GuestfsError } from '../../protocol/errors.js';
import type { Appliance } from '../find/appliance.js';
import type { LaunchConfig } from '../config/config.js';
import type { PreparedDrive } from '../drives/prepare.js';
import { monitorArguments } from '../monitor/qemu.js';
import { kernelArguments } from './kernel-arguments.js';
import { booleanSetting } from '../qemu/accelerator.js';
import { leanTraits, machineTraits, type AcceleratorName, type HostCpu } from '../qemu/architecture.js';
import { formatOptions, type QemuOption } from '../qemu/options.js';

/** The port by which the daemon in the appliance is reached. */
export const CHANNEL_NAME = 'org.libguestfs.channel.0';
/** The appliance's network under user-mode networking. */
const NETWORK = '169.254.0.0/16';

/** All that the command line is made from. */
export interface Machine {
  readonly config: Omit<LaunchConfig, 'drives' | 'path'>;
  readonly cpu: HostCpu;
  readonly accelerator: AcceleratorName;
  readonly appliance: Appliance;
  readonly drives: readonly PreparedDrive[];
  /** Where the library listens and qemu connects. */
  readonly socket: string;
  /** Where it listens for qemu's machine protocol. */
  readonly monitor: string;
  readonly term: string | undefined;
  /** The lean initrd, in place of the appliance's own; the root is then a virtio disk. */
  readonly leanInitrd?: string | undefined;
}

/**
 * qemu's arguments for an appliance: a list, which no shell sees.
 *
 * The user's disks come first on the SCSI bus (/dev/sda, …), the appliance's root last. The user's own parameters are at
 * the end, so that `-set` among them can change what is before.
 */
export function commandLine(machine: Machine): string[] {
  const { config, cpu, accelerator, appliance } = machine;
  const traits = (machine.leanInitrd === undefined ? machineTraits : leanTraits)(cpu, accelerator);
  return [
    '-no-user-config',
    '-nodefaults',
    '-display',
    'none',
    ...(booleanSetting(config.backendSettings, 'gdb') ? ['-S', '-s'] : []),
    '-machine',
    formatOptions([...traits.machine, ['accel', accelerator]]),
    ...(traits.cpu === null ? [] : ['-cpu', traits.cpu]),
    ...(config.smp > 1 ? ['-smp', String(config.smp)] : []),
    '-m',
    String(config.memsize),
    '-no-reboot',
    ...traits.extra,
    '-kernel',
    appliance.kernel,
    '-initrd',
    machine.leanInitrd ?? appliance.initrd,
    '-object',
    formatOptions([
      ['rng-random', null],
      ['filename', '/dev/urandom'],
      ['id', 'rng0'],
    ]),
    ...device('virtio-rng-pci', [['rng', 'rng0']]),
    ...device('virtio-scsi-pci', [['id', 'scsi']]),
    ...machine.drives.flatMap(driveArguments),
    ...rootArguments(appliance, machine.leanInitrd !== undefined),
    ...device('virtio-serial-pci', []),
    '-serial',
    'stdio',
    '-chardev',
    formatOptions([
      ['socket', null],
      ['path', machine.socket],
      ['id', 'channel0'],
    ]),
    ...device('virtserialport', [
      ['chardev', 'channel0'],
      ['name', CHANNEL_NAME],
    ]),
    ...monitorArguments(machine.monitor),
    ...(config.network ? networkArguments() : []),
    '-append',
    kernelArguments({
      ...config,
      append: config.append,
      traits,
      rootUuid: appliance.rootUuid,
      term: machine.term,
      lean: machine.leanInitrd === undefined ? undefined : { disks: machine.drives.length },
    }),
    ...config.qemuParameters.flatMap(([name, value]) => userParameter(name, value)),
  ];
}

export function driveArguments({ config, source, format, secret }: PreparedDrive, index: number): string[] {
  const id = `hd${index}`;
  const drive: QemuOption[] = [
    // The id comes first: qemu repeats the option in its messages, and the id there tells which drive it means.
    ['id', id],
    ['if', 'none'],
    ...source,
    ...(format === undefined ? [] : [['format', format] as const]),
    // What is written to a read-only disk goes to an overlay in qemu's TMPDIR, which nobody needs to survive a crash.
    ...(config.readonly ? [['snapshot', 'on'] as const] : []),
    // A machine that stops loses nothing: what could not be written is written when it goes on. An error that the guest is
    // told of is lost, for its kernel drops what it has not written, and `sync` says that all went well.
    ['werror', 'stop'],
    ['cache', config.readonly ? 'unsafe' : (config.cachemode ?? 'writeback')],
    ...(config.copyonread === true ? [['copy-on-read', 'on'] as const] : []),
    ...(!config.readonly && (config.discard ?? 'disable') !== 'disable' ? [['discard', 'unmap'] as const] : []),
  ];
  const disk: QemuOption[] = [
    ['bus', 'scsi.0'],
    ['scsi-id', String(index)],
    ['drive', id],
    ...(config.label === undefined ? [] : [['serial', config.label] as const]),
    ...(config.blocksize === undefined ? [] : blocksizeOptions(config.blocksize)),
  ];
  return [...secretArguments(secret), '-drive', formatOptions(drive), ...device('scsi-hd', disk)];
}

function blocksizeOptions(size: number): QemuOption[] {
  return [
    ['physical_block_size', String(size)],
    ['logical_block_size', String(size)],
  ];
}

function secretArguments(secret: PreparedDrive['secret']): string[] {
  if (secret === null) return [];
  return [
    '-object',
    formatOptions([
      ['secret', null],
      ['id', secret.id],
      ['format', secret.encoding],
      ['file', secret.file],
    ]),
  ];
}

function rootArguments({ root, rootFormat }: Appliance, lean: boolean): string[] {
  if (root === null) return [];
  const drive: QemuOption[] = [
    ['id', 'appliance'],
    ['if', 'none'],
    ['file.driver', 'file'],
    ['file.filename', root],
    // Many appliances share the file; each writes to an overlay of its own.
    ['file.locking', 'off'],
    ['format', rootFormat],
    ['snapshot', 'on'],
    ['werror', 'stop'],
    ['cache', 'unsafe'],
  ];
  if (lean) return ['-drive', formatOptions(drive), ...device('virtio-blk-pci', [['drive', 'appliance']])];
  return [
    '-drive',
    formatOptions(drive),
    ...device('scsi-hd', [
      ['bus', 'scsi.0'],
      ['drive', 'appliance'],
    ]),
  ];
}

function networkArguments(): string[] {
  return [
    '-netdev',
    formatOptions([
      ['user', null],
      ['id', 'usernet'],
      ['net', NETWORK],
    ]),
    ...device('virtio-net-pci', [['netdev', 'usernet']]),
  ];
}

function device(driver: string, options: readonly QemuOption[]): string[] {
  return ['-device', formatOptions([[driver, null], ...options])];
}

function userParameter(name: string, value: string | null): string[] {
  if (!name.startsWith('-')) {
    throw new GuestfsError(
      'ERR_GUESTFS_ARGUMENT',
      `the qemu parameter ${JSON.stringify(name)} does not start with a dash`,
      {
        hint: `write config('-${name}', …)`,
      },
    );
  }
  return value === null ? [name] : [name, value];
}
