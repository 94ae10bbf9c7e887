import type { MachineTraits } from '../qemu/architecture.js';

export interface KernelArgumentOptions {
  readonly traits: MachineTraits;
  readonly rootUuid: string | null;
  readonly selinux: boolean;
  readonly verbose: boolean;
  readonly network: boolean;
  readonly identifier: string;
  /** The terminal's name from this process's environment. */
  readonly term: string | undefined;
  /** From the user; last, so that it can overrule. */
  readonly append: string | undefined;
  /** For the lean initrd; left out for the one that came with the appliance. */
  readonly lean?: LeanBoot | undefined;
}

/** What the lean initrd is told. */
export interface LeanBoot {
  /** How many of the user's disks to bring up. */
  readonly disks: number;
  /** The machine becomes a template: nothing may be fixed in it that each machine must have for itself. */
  readonly template?: boolean;
}

/** The kernel's command line: the appliance's init and daemon read it too. */
export function kernelArguments(options: KernelArgumentOptions): string {
  const { traits, rootUuid, selinux, verbose, network, identifier, term, append, lean } = options;
  return [
    // Ends qemu, instead of a hang, when the daemon or the kernel dies.
    'panic=1',
    ...traits.console,
    'edd=off',
    'udevtimeout=6000',
    'udev.event-timeout=6000',
    'no_timer_check',
    'printk.time=1',
    'cgroup_disable=memory',
    'usbcore.nousb',
    'cryptomgr.notests',
    'tsc=reliable',
    '8250.nr_uarts=1',
    ...(traits.kernel ?? []),
    ...(lean === undefined ? stockRoot(rootUuid) : leanArguments(lean)),
    selinux ? 'selinux=1 enforcing=0' : 'selinux=0',
    verbose ? 'guestfs_verbose=1' : 'quiet',
    ...(network ? ['guestfs_network=1'] : []),
    `TERM=${term !== undefined && /^[A-Za-z0-9_-]{1,16}$/.test(term) ? term : 'linux'}`,
    ...(identifier === '' ? [] : [`guestfs_identifier=${identifier}`]),
    ...(append === undefined || append === '' ? [] : [append]),
  ].join(' ');
}

function stockRoot(uuid: string | null): string[] {
  return uuid === null ? [] : [`root=UUID=${uuid}`];
}

function leanArguments({ disks, template = false }: LeanBoot): string[] {
  return [
    'root=/dev/vda',
    'scsi_mod.scan=manual',
    `guestfs_disks=${disks}`,
    ...(template ? ['guestfs_template=1'] : []),
  ];
}
