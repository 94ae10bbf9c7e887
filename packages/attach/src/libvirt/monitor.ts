import type { DriveConfig } from '@guestfs/core';
import { MachineMonitor } from '@guestfs/core/appliance';
import { libvirtEvent, runState } from './events.js';
import type { VirshShell } from './shell.js';

export interface LibvirtMonitorOptions {
  /** The domain's name. */
  readonly name: string;
  /** Takes commands for the domain; ending it ends the domain. */
  readonly shell: VirshShell;
  /** Prints the domain's events, and does nothing else. */
  readonly events: VirshShell;
  readonly drives: readonly DriveConfig[];
  /** Where the overlays of read-only drives lie. */
  readonly overlays: string;
  readonly warn: (line: string) => void;
  readonly log: (line: string) => void;
}

/** Follows a domain of ours by libvirt's events. */
export function monitorDomain({ name, shell, events, ...options }: LibvirtMonitorOptions): MachineMonitor {
  const monitor = new MachineMonitor({
    ...options,
    disks: { drives: options.drives, overlays: options.overlays, overlaySetting: 'XDG_RUNTIME_DIR' },
    control: {
      resume: () => shell.run(['resume', '--domain', name]),
      runState: async () => runState(await shell.run(['domstate', '--domain', name, '--reason'])),
      kill: () => shell.kill(),
      close: () => events.kill(),
    },
  });
  events.follow(['event', '--domain', name, '--all', '--loop'], (line) => {
    const event = libvirtEvent(line);
    if (event !== null) monitor.read(event);
  });
  return monitor;
}
