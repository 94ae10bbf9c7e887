import type { QmpEvent } from '../qmp/messages.js';

/** A disk of the host could not be read or written. */
export interface DiskError {
  /** qemu's name of the disk: `hd0` for the first drive. */
  readonly device: string;
  readonly operation: 'read' | 'write';
  /** Whether the machine stops for it, the guest is told of it, or nothing is done. */
  readonly action: 'stop' | 'report' | 'ignore';
  /** Whether there is no room. */
  readonly nospace: boolean;
  /** The host's words: `No space left on device`. Empty where it is not known. */
  readonly reason: string;
}

/** What a machine tells of itself, however it is run. */
export type MachineEvent =
  | { readonly kind: 'disk'; readonly error: DiskError }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'reset' }
  /** Whether the guest wanted it, and qemu's word for why: `guest-reset`, `host-signal`. */
  | { readonly kind: 'shutdown'; readonly guest: boolean; readonly reason: string }
  | { readonly kind: 'panicked' }
  | { readonly kind: 'watchdog'; readonly action: string };

/** An event of qemu's machine protocol; null for one that does not matter here. */
export function machineEvent({ name, data }: QmpEvent): MachineEvent | null {
  switch (name) {
    case 'BLOCK_IO_ERROR':
      return { kind: 'disk', error: diskError(data) };
    case 'STOP':
      return { kind: 'stopped' };
    case 'RESUME':
      return { kind: 'resumed' };
    case 'RESET':
      return { kind: 'reset' };
    case 'SHUTDOWN':
      return { kind: 'shutdown', guest: data['guest'] === true, reason: word(data['reason']) };
    case 'GUEST_PANICKED':
      return { kind: 'panicked' };
    case 'WATCHDOG':
      return { kind: 'watchdog', action: word(data['action']) };
    default:
      return null;
  }
}

function diskError(data: QmpEvent['data']): DiskError {
  const { action } = data;
  return {
    // A disk that was given by `config` may have a node only.
    device: word(data['device']) || word(data['node-name']),
    operation: data['operation'] === 'read' ? 'read' : 'write',
    action: action === 'stop' || action === 'ignore' ? action : 'report',
    nospace: data['nospace'] === true,
    reason: word(data['reason']),
  };
}

function word(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
