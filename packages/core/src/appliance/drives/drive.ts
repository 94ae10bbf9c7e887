import { argumentTypes, explainArgument } from '../../protocol/xdr/argument-types.js';
import type { WireType } from '../../protocol/wire/descriptors.js';
import { GuestfsError } from '../../protocol/errors.js';
import type { DriveConfig } from '../config/config.js';
import { checkReadable } from './drive-file.js';
import { absolutePath } from './host-path.js';
import { isNetwork, protocolMistake, type DriveMistake } from './protocols.js';

/** The most drives that one appliance takes. */
export const MAXIMUM_DRIVES = 255;

/** What `addDrive` takes besides the file. */
export interface DriveOptions {
  readonly readonly?: boolean | undefined;
  readonly format?: string | undefined;
  readonly iface?: string | undefined;
  readonly name?: string | undefined;
  readonly label?: string | undefined;
  readonly protocol?: string | undefined;
  readonly server?: readonly string[] | undefined;
  readonly username?: string | undefined;
  readonly secret?: string | undefined;
  readonly cachemode?: string | undefined;
  readonly discard?: string | undefined;
  readonly copyonread?: boolean | undefined;
  readonly blocksize?: number | undefined;
}

const TYPES = {
  file: 'string',
  readonly: 'bool',
  format: 'string',
  iface: 'string',
  name: 'string',
  label: 'string',
  protocol: 'string',
  servers: 'stringlist',
  username: 'string',
  secret: 'string',
  cachemode: 'string',
  discard: 'string',
  copyonread: 'bool',
  blocksize: 'int',
  temporary: 'bool',
} satisfies Record<keyof DriveConfig, WireType>;

type Rule = readonly [option: keyof DriveConfig, accepts: (drive: DriveConfig) => boolean, must: string, hint?: string];

/** What holds for one option, where it is given, whatever the protocol. */
const RULES: readonly Rule[] = [
  ['format', ({ format }) => /^[A-Za-z0-9_-]+$/.test(format!), 'be made of ASCII letters, digits, `_` and `-`'],
  ['format', (drive) => !isNull(drive) || drive.format === 'raw', 'be `raw` for /dev/null'],
  ['label', ({ label }) => /^[A-Za-z]{1,20}$/.test(label!), 'be 1 to 20 ASCII letters'],
  ['blocksize', ({ blocksize }) => blocksize === 512 || blocksize === 4096, 'be 512 or 4096'],
  oneOf('cachemode', ['writeback', 'unsafe']),
  oneOf('discard', ['disable', 'enable', 'besteffort']),
  [
    'discard',
    ({ discard, readonly }) => discard !== 'enable' || !readonly,
    'not be `enable` on a read-only drive',
    'leave out one of the two, or use `besteffort`',
  ],
];

const discardRule: Rule = [
  'discard',
  (drive) => drive.discard !== 'enable' || drive.format === 'raw' || drive.format === 'qcow2' || isNull(drive),
  'not be `enable` unless `format` is `raw` or `qcow2`',
  'give one of these formats, or use `besteffort`',
];

/**
 * Makes a drive of what `addDrive` was given.
 *
 * Throws `ERR_GUESTFS_ARGUMENT` for what no drive may be, the errno (`ENOENT`, `EACCES`) for a file that cannot be read, and
 * `ERR_GUESTFS_DRIVE` for what is no file.
 */
export function makeDrive(file: string, { server, ...options }: DriveOptions): DriveConfig {
  const known = Object.entries({ ...options, servers: server && [...server] }).filter(
    ([name, value]) => value !== undefined && Object.hasOwn(TYPES, name),
  );
  const drive = { file, readonly: false, ...Object.fromEntries(known) } as DriveConfig;
  const mistake = driveMistake(drive);
  if (mistake !== null) throw refused(mistake);
  if (isNetwork(drive)) return drive;
  checkReadable(drive);
  // At once: the program may change its folder before it launches.
  const { protocol: _file, ...local } = { ...drive, file: absolutePath(file) };
  return isNull(drive) ? { ...local, format: 'raw' } : local;
}

/** Throws `ERR_GUESTFS_ARGUMENT` for drives that no appliance could take, wherever they come from. */
export function checkDriveConfigs(drives: readonly DriveConfig[]): void {
  checkDriveCount(drives.length);
  for (const drive of drives) {
    const mistake = driveMistake(drive);
    if (mistake === null) continue;
    throw refused({ ...mistake, reason: `the drive ${JSON.stringify(drive.file)}: ${mistake.reason}` });
  }
}

/** Throws `ERR_GUESTFS_ARGUMENT` for more drives than an appliance takes. */
export function checkDriveCount(count: number): void {
  if (count <= MAXIMUM_DRIVES) return;
  const reason = `an appliance takes at most ${MAXIMUM_DRIVES} drives, not ${count}`;
  throw refused({ reason, hint: 'use several handles' });
}

function driveMistake(drive: DriveConfig): DriveMistake | null {
  return typeMistake(drive) ?? broken(RULES, drive) ?? protocolMistake(drive) ?? broken([discardRule], drive);
}

function typeMistake(drive: DriveConfig): DriveMistake | null {
  for (const [name, type] of Object.entries(TYPES)) {
    const value: unknown = drive[name as keyof DriveConfig];
    if (argumentTypes[type].accepts(value) || (value === undefined && name !== 'file')) continue;
    const { message, index } = explainArgument(type, value);
    const item = index === undefined ? '' : `[${index}]`;
    const shown = name === 'file' ? 'argument `filename`' : `option \`${name === 'servers' ? 'server' : name}${item}\``;
    return { reason: `${shown} ${message}` };
  }
  return null;
}

function broken(rules: readonly Rule[], drive: DriveConfig): DriveMistake | null {
  const rule = rules.find(([option, accepts]) => drive[option] !== undefined && !accepts(drive));
  if (rule === undefined) return null;
  const [option, , must, hint] = rule;
  return { reason: `option \`${option}\` must ${must}`, hint };
}

function oneOf(option: 'cachemode' | 'discard', values: readonly string[]): Rule {
  const accepts = (drive: DriveConfig): boolean => values.includes(drive[option]!);
  return [option, accepts, `be one of ${values.map((value) => `\`${value}\``).join(', ')}`];
}

function isNull(drive: DriveConfig): boolean {
  return drive.file === '/dev/null' && !isNetwork(drive);
}

function refused({ reason, hint }: DriveMistake): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', reason, { hint });
}
