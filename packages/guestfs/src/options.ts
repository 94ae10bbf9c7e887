import type { CallOptions, GuestfsError } from '@guestfs/core';
import { SETTING_NAMES, SETTINGS, splitList } from '@guestfs/core/appliance';
import type { Environment, SettingName, SettingRule, Settings, SettingType } from '@guestfs/core/appliance';
import { z } from 'zod';
import type { AddDriveOptions } from './generated/options.js';
import { isDirect, openBackend } from './handle/backends.js';
import type { Handle } from './handle/handle.js';
import { changeSetting } from './handle/settings.js';
import { aFunction, callOptions, explainOptions, knownOptions, optionTypes } from './option-schemas.js';

/** The settings that are options by their own names and in their own form. */
type SettingOptions = Readonly<
  Partial<{
    [Name in keyof Omit<Settings, 'path' | 'sockdir' | 'selinux' | 'direct' | 'recoveryProc' | 'qemuParameters'>]:
      Readonly<Settings[Name]> | undefined;
  }>
>;

/** The settings of a new handle; what is left out is as the environment says, or the default. */
export interface GuestfsOptions extends SettingOptions {
  /** Where LIBGUESTFS_* and GUESTFS_WARM are taken from; default `process.env`, `{}` for none. */
  readonly environment?: Environment | undefined;
  /** Directories searched for an appliance, separated by colons. */
  readonly path?: string | undefined;
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

/** What each type of setting must be as an option. */
const TYPES: Readonly<Record<SettingType, z.ZodType>> = {
  bool: optionTypes.bool,
  int: optionTypes.int,
  milliseconds: z.number('must be a number').positive('must be more than 0'),
  string: optionTypes.string,
  directory: optionTypes.string,
  'search-path': optionTypes.string,
  stringlist: optionTypes.stringlist,
  backend: optionTypes.string,
  internal: z.never(),
};

/** Not only plain objects: `process.env` is none. */
const variables = z.custom<Environment>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((each) => each === undefined || typeof each === 'string'),
  'must be an object of strings',
);

/** The settings that can be given as options. */
const OPTION_NAMES = SETTING_NAMES.filter((name) => (SETTINGS[name] as SettingRule).option !== false);
const settings = {
  environment: variables.optional(),
  ...Object.fromEntries(OPTION_NAMES.map((name) => [name, TYPES[SETTINGS[name].type].optional()])),
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

/** Takes the options over, whose types have been checked; throws for what is out of its bounds. */
export function applyOptions({ settings }: Handle, options: GuestfsOptions): void {
  for (const name of OPTION_NAMES) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined) changeSetting(settings, name, fromOption(name, value), 'Guestfs');
  }
}

function fromOption(name: SettingName, value: unknown): never {
  const { type } = SETTINGS[name];
  if (type === 'search-path') return splitList(value as string) as never;
  if (type === 'stringlist') return [...(value as string[])] as never;
  if (type !== 'backend') return value as never;
  openBackend(value as string, 'Guestfs');
  return (isDirect(value as string) ? 'direct' : value) as never;
}
