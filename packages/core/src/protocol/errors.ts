import { constants } from 'node:os';

const BRAND = Symbol.for('guestfs.error');

/** The codes of errors that this client itself finds; an error of the daemon carries its errno's name instead. */
export type GuestfsErrorCode =
  | 'ERR_GUESTFS_ARGUMENT'
  | 'ERR_GUESTFS_APPLIANCE_NOT_FOUND'
  | 'ERR_GUESTFS_APPLIANCE_BUILD'
  | 'ERR_GUESTFS_ATTACH'
  | 'ERR_GUESTFS_CANCELLED'
  | 'ERR_GUESTFS_CLOSED'
  | 'ERR_GUESTFS_CONNECTION_LOST'
  | 'ERR_GUESTFS_DAEMON'
  | 'ERR_GUESTFS_DOMAIN'
  | 'ERR_GUESTFS_DOMAIN_NOT_FOUND'
  | 'ERR_GUESTFS_DOMAIN_NOT_RUNNING'
  | 'ERR_GUESTFS_DOMAIN_NO_CHANNEL'
  | 'ERR_GUESTFS_DOMAIN_RUNNING'
  | 'ERR_GUESTFS_DRIVE'
  | 'ERR_GUESTFS_ENVIRONMENT'
  | 'ERR_GUESTFS_KERNEL_UNREADABLE'
  | 'ERR_GUESTFS_LAUNCH_TIMEOUT'
  | 'ERR_GUESTFS_LIBVIRT'
  | 'ERR_GUESTFS_LIBVIRT_ACCESS'
  | 'ERR_GUESTFS_LIBVIRT_NOT_FOUND'
  | 'ERR_GUESTFS_MESSAGE_TOO_LARGE'
  | 'ERR_GUESTFS_NOT_AVAILABLE'
  | 'ERR_GUESTFS_NO_SPACE'
  | 'ERR_GUESTFS_NO_TARGET'
  | 'ERR_GUESTFS_PROTOCOL'
  | 'ERR_GUESTFS_QEMU_EXITED'
  | 'ERR_GUESTFS_QEMU_NOT_FOUND'
  | 'ERR_GUESTFS_RECORDING'
  | 'ERR_GUESTFS_REPLAY'
  | 'ERR_GUESTFS_STATE'
  | 'ERR_GUESTFS_TRANSFER'
  | 'ERR_GUESTFS_UNSAFE_PATH'
  | 'ERR_GUESTFS_UNSUPPORTED';

export interface GuestfsErrorFields {
  /** The function that failed, by its method name (`lvcreate`, `addDrive`). */
  operation?: string | undefined;
  /** The call's arguments as the message shows them after the operation, without secrets: `("/dev/sda", 1)`. */
  args?: string | undefined;
  /** The number of the errno on this host, positive, where `code` is an errno's name; found from `code` when left out. */
  errno?: number | undefined;
  /** The serial of the call on the wire, where it was sent. */
  serial?: number | undefined;
  /** What the user can do about it, one sentence or a command. */
  hint?: string | undefined;
  /** The last lines of the appliance's or a command's output, where there are any. */
  log?: string | undefined;
  cause?: unknown;
}

/**
 * Every failure of this library.
 *
 * `code` is the errno's name where the daemon gave one (`'ENOENT'`, as in node:fs), else one of {@link GuestfsErrorCode}.
 * The message holds the cause, then the hint, then the log's last lines.
 */
export class GuestfsError extends Error {
  declare readonly code: string;
  declare readonly operation: string | undefined;
  /** The arguments of the call as the message shows them, such as `("/dev/sda", 1)`; keys and passwords are `***`. */
  declare readonly args: string | undefined;
  declare readonly errno: number | undefined;
  declare readonly serial: number | undefined;
  declare readonly hint: string | undefined;
  declare readonly log: string | undefined;

  constructor(code: GuestfsErrorCode | (string & {}), message: string, fields: GuestfsErrorFields = {}) {
    const { operation, args, errno, serial, hint, log, cause } = fields;
    const where = operation === undefined ? '' : `${operation}${args ?? ''}: `;
    const mend = hint === undefined ? '' : `\n  What to do: ${hint}`;
    const tail = log === undefined || log === '' ? '' : `\n  Last lines of the log:\n${indent(log)}`;
    super(`${where}${message}${mend}${tail}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.operation = operation;
    this.args = args;
    this.errno = errno ?? (constants.errno as Record<string, number>)[code];
    this.serial = serial;
    this.hint = hint;
    this.log = log;
  }

  /** Whether a value is a GuestfsError, also one of another copy of this package or another realm. */
  static is(value: unknown): value is GuestfsError {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

Object.defineProperty(GuestfsError.prototype, 'name', { value: 'GuestfsError', configurable: true, writable: true });
Object.defineProperty(GuestfsError.prototype, BRAND, { value: true });

function indent(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
