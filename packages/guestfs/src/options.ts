import { GuestfsError } from '@guestfs/core';
import type { CallOptions } from '@guestfs/core';
import { z } from 'zod';
import type { AddDriveOptions } from './generated/options.js';
import { isDirect, openBackend } from './handle/backends.js';
import type { Handle } from './handle/handle.js';
import type { Environment } from './handle/settings.js';

/** The settings of a new handle; what is left out is as the environment says, or the default. */
export interface GuestfsOptions {
  /** Where the LIBGUESTFS_* variables are taken from; default `process.env`, `{}` for none. */
  readonly environment?: Environment | undefined;
  /** Debug messages of the library and the appliance; default false. */
  readonly verbose?: boolean | undefined;
  /** A trace event for each call; default false. */
  readonly trace?: boolean | undefined;
  /** Whether closing and `shutdown` write everything out first; default true. */
  readonly autosync?: boolean | undefined;
  /** How a daemon is reached: `direct` (default) or `unix:PATH`. */
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
  /** Whether a warm template may be used, which starts much faster; default true. */
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

const settings = {
  environment: z.record(z.string(), z.string().optional()),
  verbose: z.boolean(),
  trace: z.boolean(),
  autosync: z.boolean(),
  backend: z.string(),
  backendSettings: z.array(z.string()),
  hv: z.string(),
  memsize: z.int(),
  smp: z.int(),
  network: z.boolean(),
  append: z.string(),
  path: z.string(),
  tmpdir: z.string(),
  cachedir: z.string(),
  pgroup: z.boolean(),
  identifier: z.string(),
  program: z.string(),
  launchTimeout: z.number().positive(),
  warm: z.boolean(),
};

const optionsSchema = z.strictObject(settings).partial();
const drive = z.union([z.string(), z.looseObject({ file: z.string() })], 'must be a path or an object with `file`');
const openSchema = z.strictObject({ drives: z.array(drive).optional() });

/** Throws ERR_GUESTFS_ARGUMENT for options that are unknown or of a wrong type. */
export function checkOptions(options: unknown): void {
  refuse('Guestfs', optionsSchema.safeParse(options).error);
}

export function checkOpenOptions({ drives }: OpenOptions): void {
  refuse('open', openSchema.safeParse({ drives }).error);
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

function refuse(operation: string, error: z.ZodError | undefined): void {
  const issue = error?.issues[0];
  if (issue === undefined) return;
  const [name] = issue.path;
  const where = name === undefined ? '' : `option \`${issue.path.join('.')}\`: `;
  throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `${where}${issue.message}`, { operation, cause: error });
}
