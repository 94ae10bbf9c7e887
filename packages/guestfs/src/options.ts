import type { CallOptions, GuestfsError } from '@guestfs/core';
import { z } from 'zod';
import { aFunction, callOptions, explainOptions, kinds, knownOptions } from './call/schema.js';
import type { AddDriveOptions } from './generated/options.js';
import { isDirect, openBackend } from './handle/backends.js';
import type { Handle } from './handle/handle.js';
import type { Environment } from './handle/settings.js';

/** The settings of a new handle; what is left out is as the environment says, or the default. */
export interface GuestfsOptions {
  /** Where LIBGUESTFS_* and GUESTFS_WARM are taken from; default `process.env`, `{}` for none. */
  readonly environment?: Environment | undefined;
  /** Debug messages of the library and the appliance; default false. */
  readonly verbose?: boolean | undefined;
  /** A trace event for each call; default false. */
  readonly trace?: boolean | undefined;
  /** Whether closing and `shutdown` write everything out first; default true. */
  readonly autosync?: boolean | undefined;
  /** How a daemon is reached: `direct` (default), `unix:PATH`, `libvirt`, `libvirt:URI` or `replay:FILE`. */
  readonly backend?: string | undefined;
  /** Strings of the form `name` or `name=value`, such as `force_tcg`. */
  readonly backendSettings?: readonly string[] | undefined;
  /** The qemu binary; default the one for this CPU on the PATH. */
  readonly hv?: string | undefined;
  /** Memory of the appliance in MB, at least 256; default 1280. */
  readonly memsize?: number | undefined;
  /** CPUs of the appliance, 1 to 255; default 1. */
  readonly smp?: number | undefined;
  /** Whether the appliance has a network; default false. */
  readonly network?: boolean | undefined;
  /** More arguments of the appliance's kernel, separated by blanks. */
  readonly append?: string | undefined;
  /** Folders searched for an appliance, separated by colons. */
  readonly path?: string | undefined;
  /** Folder for temporary files; default `/tmp`. */
  readonly tmpdir?: string | undefined;
  /** Folder for the appliance that was built; default `/var/tmp`. */
  readonly cachedir?: string | undefined;
  /** Whether qemu gets a process group of its own; default false. */
  readonly pgroup?: boolean | undefined;
  /** Marks the trace lines of this handle. */
  readonly identifier?: string | undefined;
  /** The program's name in messages. */
  readonly program?: string | undefined;
  /** Milliseconds until a launch that shows no life is given up; default 600 000. */
  readonly launchTimeout?: number | undefined;
  /** Whether a warm template may be used, which starts much faster; default true, or what GUESTFS_WARM says. */
  readonly warm?: boolean | undefined;
}

/** A drive to add: its file, and the options of `addDrive`. */
export interface DriveOptions extends AddDriveOptions {
  /** A path of the host, or the name of an export on a server. */
  readonly file: string;
}

/** What `Guestfs.open` takes. */
export interface OpenOptions extends GuestfsOptions, CallOptions {
  /** Added in this order: the first becomes /dev/sda. */
  readonly drives?: readonly (string | DriveOptions)[] | undefined;
}

const { string, bool, int, stringlist } = kinds;

/** Not only plain objects: `process.env` is none. */
const variables = z.custom<Environment>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((each) => each === undefined || typeof each === 'string'),
  'must be an object of strings',
);
const settings = {
  environment: variables.optional(),
  verbose: bool.optional(),
  trace: bool.optional(),
  autosync: bool.optional(),
  backend: string.optional(),
  backendSettings: stringlist.optional(),
  hv: string.optional(),
  memsize: int.optional(),
  smp: int.optional(),
  network: bool.optional(),
  append: string.optional(),
  path: string.optional(),
  tmpdir: string.optional(),
  cachedir: string.optional(),
  pgroup: bool.optional(),
  identifier: string.optional(),
  program: string.optional(),
  launchTimeout: z.number('must be a number').positive('must be more than 0').optional(),
  warm: bool.optional(),
};

const drive = z.union([z.string(), z.looseObject({ file: z.string() })], 'must be a path or an object with `file`');
const drives = z.array(drive, 'must be an array').optional();
const mostHandles = 'must be a whole number from 1 to 64';

/** What takes options besides the functions themselves. */
const schemas = {
  Guestfs: knownOptions(settings),
  open: knownOptions({ drives, ...settings, ...callOptions }),
  GuestfsPool: knownOptions({ size: z.int(mostHandles).min(1, mostHandles).max(64, mostHandles), ...settings }),
  acquire: knownOptions({ drives, signal: callOptions.signal }),
  prepareAppliance: knownOptions({ ...settings, ...callOptions, onMessage: aFunction().optional() }),
};

type Taker = keyof typeof schemas;

/** The ERR_GUESTFS_ARGUMENT for options that are unknown or of a wrong type, null where all fit. */
export const optionMistake = (taker: Taker, options: unknown): GuestfsError | null =>
  explainOptions(taker, schemas[taker], options);

/** Throws it. */
export function checkOptions(taker: Taker, options: unknown): void {
  const mistake = optionMistake(taker, options);
  if (mistake !== null) throw mistake;
}

/** Takes the options over; they have been checked. */
export function applyOptions(handle: Handle, options: GuestfsOptions): void {
  const { settings } = handle;
  settings.verbose = options.verbose ?? settings.verbose;
  settings.trace = options.trace ?? settings.trace;
  settings.autosync = options.autosync ?? settings.autosync;
  settings.backendSettings = [...(options.backendSettings ?? settings.backendSettings)];
  settings.hv = options.hv ?? settings.hv;
  settings.network = options.network ?? settings.network;
  settings.append = options.append ?? settings.append;
  settings.pgroup = options.pgroup ?? settings.pgroup;
  settings.program = options.program ?? settings.program;
  settings.launchTimeout = options.launchTimeout ?? settings.launchTimeout;
  settings.warm = options.warm ?? settings.warm;
  if (options.memsize !== undefined) settings.setMemsize(options.memsize);
  if (options.smp !== undefined) settings.setSmp(options.smp);
  if (options.path !== undefined) settings.setPath(options.path);
  if (options.tmpdir !== undefined) settings.setTmpdir(options.tmpdir);
  if (options.cachedir !== undefined) settings.setCachedir(options.cachedir);
  if (options.identifier !== undefined) settings.setIdentifier(options.identifier);
  if (options.backend !== undefined) {
    openBackend(options.backend, 'Guestfs');
    settings.backend = isDirect(options.backend) ? 'direct' : options.backend;
  }
}
