import type { MachineEvent } from '@guestfs/core/appliance';
import { USER_ALIAS } from './machine-xml.js';

const DISK = /^event 'io-error-reason' for domain .*: .* \((\S*)\) (none|pause|report) due to ?(.*)$/;
const LIFECYCLE = /^event 'lifecycle' for domain .*: (Suspended|Resumed|Shutdown|Stopped|Crashed)(?: (.*))?$/;
const WATCHDOG = /^event 'watchdog' for domain .*: (.*)$/;
const REBOOT = /^event 'reboot' for domain /;

const ACTIONS = { none: 'ignore', pause: 'stop', report: 'report' } as const;

/** Why a domain ended, in qemu's words. */
const ENDS: Readonly<Record<string, { readonly guest: boolean; readonly reason: string }>> = {
  'Finished after guest request': { guest: true, reason: 'guest-shutdown' },
  'Finished after host request': { guest: false, reason: 'host-signal' },
  Shutdown: { guest: true, reason: 'guest-shutdown' },
  Destroyed: { guest: false, reason: 'host-qmp-quit' },
  Crashed: { guest: true, reason: 'guest-panic' },
};

/** A line of `virsh event`, in words that do not depend on the language; null for what does not matter here. */
export function libvirtEvent(line: string): MachineEvent | null {
  const disk = DISK.exec(line);
  if (disk !== null) return diskEvent(disk[1] ?? '', disk[2] as keyof typeof ACTIONS, disk[3] ?? '');
  const [, what, detail = ''] = LIFECYCLE.exec(line) ?? [];
  switch (what) {
    case 'Suspended':
      return { kind: 'stopped' };
    case 'Resumed':
      return { kind: 'resumed' };
    case 'Crashed':
      return { kind: 'panicked' };
    case 'Shutdown':
    case 'Stopped':
      return { kind: 'shutdown', ...(ENDS[detail] ?? { guest: false, reason: detail }) };
  }
  if (REBOOT.test(line)) return { kind: 'reset' };
  const watchdog = WATCHDOG.exec(line);
  return watchdog === null ? null : { kind: 'watchdog', action: watchdog[1] ?? '' };
}

function diskEvent(alias: string, action: keyof typeof ACTIONS, reason: string): MachineEvent {
  const device = alias.startsWith(USER_ALIAS) ? alias.slice(USER_ALIAS.length) : alias;
  return {
    kind: 'disk',
    error: {
      device,
      // Libvirt does not tell; machines stop for writing, and report reading.
      operation: action === 'pause' ? 'write' : 'read',
      action: ACTIONS[action],
      nospace: reason === 'enospc',
      reason: '',
    },
  };
}

const STATE = /^(no state|running|idle|paused|in shutdown|shut off|crashed|pmsuspended)(?: \((.*)\))?$/m;

/** What `virsh domstate --reason` says among its prompts, in qemu's words; throws where it says nothing. */
export function runState(text: string): string {
  const found = STATE.exec(text);
  if (found === null) throw new Error('libvirt does not tell what the domain does');
  const [, state = '', reason = ''] = found;
  if (state === 'crashed' || reason === 'crashed') return 'guest-panicked';
  if (state === 'in shutdown' || state === 'shut off' || reason === 'shutting down') return 'shutdown';
  if (state !== 'paused') return state;
  return { 'I/O error': 'io-error', watchdog: 'watchdog' }[reason] ?? 'paused';
}
