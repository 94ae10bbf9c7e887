import type { Progress } from '@guestfs/events';
import type { ConnectionTap } from '../../protocol/connection/options.js';
import type { Settings } from './settings.js';

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

/** The settings that a launch looks at. */
type LaunchSettings = Readonly<
  Pick<
    Settings,
    | 'memsize'
    | 'smp'
    | 'network'
    | 'selinux'
    | 'verbose'
    | 'program'
    | 'identifier'
    | 'tmpdir'
    | 'cachedir'
    | 'sockdir'
    | 'pgroup'
    | 'warm'
  > &
    Partial<Pick<Settings, 'hv' | 'append'>>
>;

/** All that decides how an appliance is launched: the handle's settings and drives at the time of `launch`. */
export interface LaunchConfig extends LaunchSettings {
  readonly drives: readonly DriveConfig[];
  readonly path: readonly string[];
  readonly backendSettings: readonly string[];
  readonly qemuParameters: readonly (readonly [name: string, value: string | null])[];
  /** Milliseconds that a whole launch may take, with all that is built and tried in it. */
  readonly timeout: number;
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
}
