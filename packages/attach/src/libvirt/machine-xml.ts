import { GuestfsError, type DriveConfig, type LaunchConfig } from '@guestfs/core';
import {
  diskName,
  isNetwork,
  parseServer,
  type AcceleratorName,
  type DriveKind,
  type HostCpu,
} from '@guestfs/core/appliance';
import { element, formatXml, type XmlElement } from './xml.js';

/** What the alias of a device begins with where it is not libvirt's own. */
export const USER_ALIAS = 'ua-';
const CHANNEL = 'org.libguestfs.channel.0';

/** An image in front of another one, which takes what is written. */
export interface Overlay {
  readonly path: string;
  readonly backing: string;
  readonly backingFormat: string;
}

/** A drive as libvirt is told of it. */
export interface LibvirtDrive {
  readonly config: DriveConfig;
  readonly kind: DriveKind;
  readonly format: string;
  /** For a disk that is not to be written to. */
  readonly overlay: Overlay | null;
}

/** All that the domain is made from. */
export interface LibvirtMachine {
  readonly name: string;
  readonly config: Pick<LaunchConfig, 'memsize' | 'smp' | 'network' | 'hv' | 'qemuParameters'>;
  readonly cpu: HostCpu;
  readonly accelerator: AcceleratorName;
  readonly kernel: string;
  readonly initrd: string;
  readonly kernelArguments: string;
  readonly root: Overlay | null;
  readonly drives: readonly LibvirtDrive[];
  /** Sockets that qemu listens on. */
  readonly channel: string;
  readonly console: string;
  /** SELinux labels of another machine, whose images this one is to read. */
  readonly labels: { readonly label: string; readonly imagelabel: string } | null;
}

/** The XML of a transient domain that runs the appliance: the user's disks first, its root last. */
export function machineXml(machine: LibvirtMachine): string {
  const { config, cpu, accelerator } = machine;
  const disks = [...machine.drives.map((drive, i) => driveDisk(drive, i, machine.labels !== null))];
  if (machine.root !== null) disks.push(overlayDisk(machine.root, diskName(disks.length), {}, [alias('appliance')]));
  return formatXml(
    element(
      'domain',
      { type: accelerator === 'kvm' ? 'kvm' : 'qemu', 'xmlns:qemu': 'http://libvirt.org/schemas/domain/qemu/1.0' },
      [
        element('name', {}, machine.name),
        element('memory', { unit: 'MiB' }, String(config.memsize)),
        element('vcpu', {}, String(config.smp)),
        element('os', {}, [
          element('type', { arch: cpu, machine: cpu === 'aarch64' ? 'virt' : undefined }, 'hvm'),
          element('kernel', {}, machine.kernel),
          element('initrd', {}, machine.initrd),
          element('cmdline', {}, machine.kernelArguments),
        ]),
        element('features', {}, [element('acpi')]),
        processor(cpu, accelerator),
        element('clock', { offset: 'utc' }),
        // A panic reboots the appliance, which is to end then.
        element('on_reboot', {}, 'destroy'),
        ...seclabels(machine.labels),
        element('devices', {}, [
          ...(config.hv === undefined ? [] : [element('emulator', {}, config.hv)]),
          element('controller', { type: 'scsi', index: 0, model: 'virtio-scsi' }),
          ...disks,
          element('controller', { type: 'virtio-serial', index: 0 }),
          element('channel', { type: 'unix' }, [
            element('source', { mode: 'bind', path: machine.channel }),
            element('target', { type: 'virtio', name: CHANNEL }),
          ]),
          element('serial', { type: 'unix' }, [
            element('source', { mode: 'bind', path: machine.console }),
            element('target', { port: 0 }),
          ]),
          element('rng', { model: 'virtio' }, [element('backend', { model: 'random' }, '/dev/urandom')]),
          ...(config.network
            ? [
                element('interface', { type: 'user' }, [
                  element('model', { type: 'virtio' }),
                  element('ip', { family: 'ipv4', address: '169.254.2.2', prefix: 16 }),
                ]),
              ]
            : []),
          element('controller', { type: 'usb', model: 'none' }),
          element('memballoon', { model: 'none' }),
        ]),
        ...parameters(config.qemuParameters),
      ],
    ),
  );
}

function processor(cpu: HostCpu, accelerator: AcceleratorName): XmlElement {
  if (accelerator !== 'tcg') return element('cpu', { mode: 'host-passthrough' });
  const la57 = cpu === 'x86_64' ? [element('feature', { policy: 'disable', name: 'la57' })] : [];
  return element('cpu', { mode: 'maximum' }, la57);
}

function driveDisk(drive: LibvirtDrive, index: number, foreignLabels: boolean): XmlElement {
  const { config, kind, format, overlay } = drive;
  const target = diskName(index);
  const labels = foreignLabels ? [element('seclabel', { model: 'selinux', relabel: 'no' })] : [];
  const extra = [
    alias(`hd${index}`),
    ...(config.label === undefined ? [] : [element('serial', {}, config.label)]),
    ...(config.blocksize === undefined
      ? []
      : [element('blockio', { logical_block_size: config.blocksize, physical_block_size: config.blocksize })]),
  ];
  if (overlay !== null) return overlayDisk(overlay, target, config, [...labels, ...extra]);
  const driver = element('driver', { name: 'qemu', type: format, ...driverOptions(config) });
  const readonly = config.readonly ? [element('readonly')] : [];
  const parts = [driver, element('target', { dev: target, bus: 'scsi' }), ...extra, ...readonly];
  if (kind === 'network')
    return element('disk', { type: 'network', device: 'disk' }, [...parts, networkSource(config)]);
  const type = kind === 'block-device' ? 'block' : 'file';
  return element('disk', { type, device: 'disk' }, [
    ...parts,
    element('source', { [type === 'block' ? 'dev' : 'file']: config.file }, labels),
  ]);
}

function overlayDisk(
  { path, backing, backingFormat }: Overlay,
  target: string,
  config: Partial<DriveConfig>,
  extra: XmlElement[],
): XmlElement {
  const labels = extra.filter(({ name }) => name === 'seclabel');
  return element('disk', { type: 'file', device: 'disk' }, [
    element('driver', {
      name: 'qemu',
      type: 'qcow2',
      ...driverOptions({ ...config, cachemode: 'unsafe', discard: 'disable' }),
    }),
    element('source', { file: path }),
    // Told in full, so that libvirt looks into no image by itself.
    element('backingStore', { type: 'file' }, [
      element('format', { type: backingFormat }),
      element('source', { file: backing }, labels),
      element('backingStore'),
    ]),
    element('target', { dev: target, bus: 'scsi' }),
    ...extra.filter(({ name }) => name !== 'seclabel'),
  ]);
}

function driverOptions({ cachemode, discard, copyonread }: Partial<DriveConfig>): Record<string, string | undefined> {
  return {
    cache: cachemode ?? 'writeback',
    // As for a machine of ours: nothing is lost while it stands still.
    error_policy: 'stop',
    rerror_policy: 'report',
    discard: discard === 'enable' || discard === 'besteffort' ? 'unmap' : undefined,
    copy_on_read: copyonread === true ? 'on' : undefined,
  };
}

/** The name by which libvirt's events tell of a disk; it keeps those that begin so as they are. */
function alias(id: string): XmlElement {
  return element('alias', { name: `${USER_ALIAS}${id}` });
}

function networkSource(config: DriveConfig): XmlElement {
  if (config.secret !== undefined || config.username !== undefined) {
    throw new GuestfsError(
      'ERR_GUESTFS_UNSUPPORTED',
      `the network disk ${JSON.stringify(config.file)} needs a login, which the libvirt backend does not pass on`,
      {
        hint: 'use the backend direct',
      },
    );
  }
  const hosts = (config.servers ?? [])
    .map(parseServer)
    .map((server) =>
      server.transport === 'unix'
        ? element('host', { transport: 'unix', socket: server.path })
        : element('host', { name: server.host, port: server.port ?? undefined }),
    );
  return element('source', { protocol: config.protocol, name: config.file === '' ? undefined : config.file }, hosts);
}

function seclabels(labels: LibvirtMachine['labels']): XmlElement[] {
  if (labels === null) return [];
  const inside = [element('label', {}, labels.label), element('imagelabel', {}, labels.imagelabel)];
  return [element('seclabel', { type: 'static', model: 'selinux', relabel: 'yes' }, inside)];
}

function parameters(list: LaunchConfig['qemuParameters']): XmlElement[] {
  if (list.length === 0) return [];
  const words = list.flatMap(([name, value]) => (value === null ? [name] : [name, value]));
  return [
    element(
      'qemu:commandline',
      {},
      words.map((value) => element('qemu:arg', { value })),
    ),
  ];
}

/** Whether a drive gets an overlay: a local one that is not to be written to. */
export function needsOverlay(config: DriveConfig): boolean {
  return config.readonly && !isNetwork(config);
}
