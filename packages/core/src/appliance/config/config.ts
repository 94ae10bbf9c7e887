import type { Progress } from '@guestfs/events';
import type { ConnectionTap } from '../../protocol/connection/options.js';

/** A disk of the appliance, as `addDrive` was told. */
export interface DriveConfig {
  /** A host path, or for a network disk the export's name (with `protocol` and `servers`). */
  readonly file: string;
  readonly readonly: boolean;
  /** `raw`, `qcow2`, …; undefined lets qemu detect it. */
  readonly format?: string;
  readonly iface?: string;
  readonly name?: string;
  /** A disk label of at most 20 letters: the disk appears as /dev/disk/guestfs/LABEL. */
  readonly label?: string;
  readonly protocol?: string;
  readonly servers?: readonly string[];
  readonly username?: string;
  readonly secret?: string;
  readonly cachemode?: 'writeback' | 'unsafe';
  readonly discard?: 'disable' | 'enable' | 'besteffort';
  readonly copyonread?: boolean;
  /** 512 or 4096. */
  readonly blocksize?: number;
  /** A scratch disk that was made for this handle and goes with it. */
  readonly temporary?: boolean;
}

/** All that decides how an appliance is launched: the handle's settings and drives at the time of `launch`. */
export interface LaunchConfig {
  readonly drives: readonly DriveConfig[];
  /** The qemu binary, a path or a name on PATH. */
  readonly hv?: string;
  /** Folders searched for an appliance, in order. */
  readonly path: readonly string[];
  readonly append?: string;
  /** In MB. */
  readonly memsize: number;
  readonly smp: number;
  readonly network: boolean;
  readonly selinux: boolean;
  readonly verbose: boolean;
  readonly program: string;
  readonly identifier: string;
  /** Extra qemu parameters, from `config`. */
  readonly qemuParameters: readonly (readonly [name: string, value: string | null])[];
  readonly backendSettings: readonly string[];
  readonly tmpdir: string;
  readonly cachedir: string;
  readonly sockdir: string;
  readonly pgroup: boolean;
  /** Milliseconds until a launch that shows no life is given up; default 600 000. */
  readonly timeout: number;
  /** Whether a template may be used (warm start). */
  readonly warm: boolean;
}

/** The phases of a launch; progress events carry their number out of 12. */
export const LAUNCH_PHASES = { start: 0, applianceBuilt: 3, kernelUp: 6, initRunning: 9, ready: 12 } as const;
export type LaunchPhase = keyof typeof LAUNCH_PHASES;

/** Where a backend reports to while it launches and runs. */
export interface LaunchContext {
  /** Aborted when the user gives the launch up. */
  readonly signal: AbortSignal;
  phase(phase: LaunchPhase): void;
  /** Console output of the appliance and of qemu: appliance events. */
  console(bytes: Uint8Array): void;
  /** A line of the library's own log: library events. Every command run and every phase with its time. */
  log(line: string): void;
  warn(line: string): void;
  /** Told of the progress of every call: the connection's `onProgress`. */
  progress(progress: Progress): void;
  /** Sees all bytes of the connection: its `tap`. */
  readonly tap?: ConnectionTap;
  /**
   * Writes to the disks what the guest still holds. Called, and waited for a few seconds at most, when this process is
   * about to die of a signal; left out where nothing is to be written.
   */
  readonly flush?: (() => Promise<void>) | undefined;
}
