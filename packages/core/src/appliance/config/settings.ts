import { basename } from 'node:path';
import { defaultAppliancePath } from './default-path.js';

/** What a handle can be set to. {@link SETTINGS} tells the rest of each: its type, bounds, and environment variables. */
export interface Settings {
  /** Debug messages of the library and the appliance; default false. */
  verbose: boolean;
  /** A trace event for each call; default false. */
  trace: boolean;
  /** Whether closing and `shutdown` write everything out first; default true. */
  autosync: boolean;
  /** How a daemon is reached: `direct` (default), `unix:PATH`, `libvirt`, `libvirt:URI` or `replay:FILE`. */
  backend: string;
  /** Strings of the form `name` or `name=value`, such as `force_tcg`. */
  backendSettings: string[];
  /** The qemu binary; default the one for this CPU on the PATH. */
  hv: string | undefined;
  /** Memory of the appliance in MB, at least 256; default 1280. */
  memsize: number;
  /** CPUs of the appliance, 1 to 255; default 1. */
  smp: number;
  /** Whether the appliance has a network; default false. */
  network: boolean;
  /** Whether the appliance's kernel runs with SELinux; default false. */
  selinux: boolean;
  /** More arguments of the appliance's kernel, separated by blanks. */
  append: string | undefined;
  /** Directories searched for an appliance, in order; an empty one means the current directory. */
  path: string[];
  /** Directory for temporary files; default `/tmp`. */
  tmpdir: string;
  /** Directory for the appliance that was built, and for templates; default `/var/tmp`. */
  cachedir: string;
  /** Directory for sockets; default `/tmp`. */
  sockdir: string;
  /** Whether qemu gets a process group of its own; default false. */
  pgroup: boolean;
  /** Marks the trace lines of this handle: ASCII letters, digits, `_` and `-`; default empty. */
  identifier: string;
  /** The program's name in messages; default that of the script. */
  program: string;
  /** Milliseconds that a whole launch may take, with all that is built and tried in it; default 600 000. */
  launchTimeout: number;
  /** Whether a launch may start from a template, which is much faster; default true. */
  warm: boolean;
  /** Kept for programs that set it, and of no effect. */
  direct: boolean;
  /** Kept for programs that set it, and of no effect. */
  recoveryProc: boolean;
  /** Extra qemu parameters. */
  qemuParameters: [name: string, value: string | null][];
}

export type SettingName = keyof Settings;

/** How a setting is given, as an option and as the text of an environment variable. */
export type SettingType =
  | 'bool'
  | 'int'
  | 'milliseconds'
  | 'string'
  | 'directory'
  | 'search-path'
  | 'stringlist'
  | 'backend'
  /** Neither: only a function of its own changes it. */
  | 'internal';

/** All about a setting but its documentation. */
export interface SettingRule<Value = unknown> {
  readonly type: SettingType;
  /** What it is where nobody set it. */
  readonly initial: Value;
  /** The variables that set it; the first that is set counts. */
  readonly variables?: readonly string[];
  /** Whether an empty variable counts as set. */
  readonly mayBeEmpty?: true;
  /** The least and the most, for numbers. */
  readonly min?: number;
  readonly max?: number;
  /** For messages. */
  readonly unit?: string;
  /** What the text must match, and how to say so. */
  readonly pattern?: readonly [RegExp, string];
  /** Only set by functions and the environment. */
  readonly option?: false;
}

export const SETTINGS: { readonly [Name in SettingName]: SettingRule<Settings[Name]> } = {
  verbose: { type: 'bool', initial: false, variables: ['LIBGUESTFS_DEBUG'] },
  trace: { type: 'bool', initial: false, variables: ['LIBGUESTFS_TRACE'] },
  autosync: { type: 'bool', initial: true },
  backend: { type: 'backend', initial: 'direct', variables: ['LIBGUESTFS_BACKEND', 'LIBGUESTFS_ATTACH_METHOD'] },
  backendSettings: {
    type: 'stringlist',
    initial: [],
    variables: ['LIBGUESTFS_BACKEND_SETTINGS'],
    mayBeEmpty: true,
  },
  hv: { type: 'string', initial: undefined, variables: ['LIBGUESTFS_HV', 'LIBGUESTFS_QEMU'] },
  memsize: { type: 'int', initial: 1280, variables: ['LIBGUESTFS_MEMSIZE'], min: 256, unit: 'MB' },
  smp: { type: 'int', initial: 1, min: 1, max: 255 },
  network: { type: 'bool', initial: false },
  selinux: { type: 'bool', initial: false, option: false },
  append: { type: 'string', initial: undefined, variables: ['LIBGUESTFS_APPEND'], mayBeEmpty: true },
  path: { type: 'search-path', initial: defaultAppliancePath(process.arch), variables: ['LIBGUESTFS_PATH'] },
  tmpdir: { type: 'directory', initial: '/tmp', variables: ['LIBGUESTFS_TMPDIR', 'TMPDIR'] },
  cachedir: { type: 'directory', initial: '/var/tmp', variables: ['LIBGUESTFS_CACHEDIR', 'TMPDIR'] },
  sockdir: { type: 'directory', initial: '/tmp', variables: ['XDG_RUNTIME_DIR'], option: false },
  pgroup: { type: 'bool', initial: false },
  identifier: {
    type: 'string',
    initial: '',
    pattern: [/^[A-Za-z0-9_-]*$/, 'may hold ASCII letters, digits, `_` and `-` only'],
  },
  program: { type: 'string', initial: basename(process.argv[1] ?? 'node') },
  launchTimeout: { type: 'milliseconds', initial: 600_000 },
  warm: { type: 'bool', initial: true, variables: ['GUESTFS_WARM'] },
  direct: { type: 'bool', initial: false, option: false },
  recoveryProc: { type: 'bool', initial: true, option: false },
  qemuParameters: { type: 'internal', initial: [], option: false },
};

/** In the order in which they are documented. */
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** The settings of a handle that nobody configured, in an empty environment. */
export function initialSettings(): Settings {
  return structuredClone(
    Object.fromEntries(SETTING_NAMES.map((name) => [name, SETTINGS[name].initial])),
  ) as unknown as Settings;
}

/** What is wrong with a value of the right type, to stand after the setting's name; null where nothing is. */
export function settingProblem<Name extends SettingName>(name: Name, value: Settings[Name]): string | null {
  const { min, max, pattern }: SettingRule = SETTINGS[name];
  if (typeof value === 'number' && (value < (min ?? value) || value > (max ?? value))) {
    return `must be ${describeBounds(name)}`;
  }
  if (typeof value === 'string' && pattern !== undefined && !pattern[0].test(value)) return pattern[1];
  return null;
}

/** `at least 256 MB`, `from 1 to 255`. */
export function describeBounds(name: SettingName): string {
  const { min, max, unit }: SettingRule = SETTINGS[name];
  const bounds = max === undefined ? `at least ${min ?? 0}` : `from ${min ?? 0} to ${max}`;
  return unit === undefined ? bounds : `${bounds} ${unit}`;
}
