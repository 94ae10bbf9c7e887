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

/** What an error says of the call that failed. */
export interface FailedCall {
  /** The function that failed, by its method name (`lvcreate`, `addDrive`). */
  readonly operation: string;
  /** The call's arguments as the message shows them after the operation, without secrets: `("/dev/sda", 1)`. */
  readonly args?: string | undefined;
  /** The serial of the call on the wire, where it was sent. */
  readonly serial?: number | undefined;
}

export interface GuestfsErrorFields extends Omit<FailedCall, 'operation'> {
  readonly operation?: FailedCall['operation'] | undefined;
  /** The number of the errno on this host, positive, where `code` is an errno's name; found from `code` when left out. */
  readonly errno?: number | undefined;
  /** What the user can do about it, one sentence or a command. */
  readonly hint?: string | undefined;
  /** The last lines of the appliance's or a command's output, where there are any. */
  readonly log?: string | undefined;
  readonly cause?: unknown;
}

/** This host's errno numbers; none in a browser. */
const errnos: Readonly<Record<string, number>> =
  globalThis.process?.getBuiltinModule?.('node:os').constants.errno ?? {};

/**
 * Every failure of this library.
 *
 * `code` is the errno's name where the daemon gave one (`'ENOENT'`, as in node:fs), else one of {@link GuestfsErrorCode}.
 * The message is made of the parts, which are also there by themselves: the call, the reason, the hint, what a diagnosis
 * found, and the log's last lines.
 */
export class GuestfsError extends Error {
  declare readonly code: string;
  /** What went wrong, alone. */
  declare readonly reason: string;
  declare readonly operation: string | undefined;
  /** The arguments of the call as the message shows them, such as `("/dev/sda", 1)`; keys and passwords are `***`. */
  declare readonly args: string | undefined;
  declare readonly errno: number | undefined;
  declare readonly serial: number | undefined;
  declare readonly hint: string | undefined;
  declare readonly log: string | undefined;
  /** What was found wrong on this host when the error was made, a line each. */
  declare readonly diagnosis: string | undefined;

  constructor(code: GuestfsErrorCode | (string & {}), reason: string, fields: GuestfsErrorFields = {}) {
    const { operation, args, errno = errnos[code], serial, hint, log, cause } = fields;
    const parts = { code, reason, operation, args, errno, serial, hint, log, diagnosis: undefined };
    super(render(parts), cause === undefined ? undefined : { cause });
    Object.assign(this, parts);
  }

  /** Whether a value is a GuestfsError, also one of another copy of this package or another realm. */
  static is(value: unknown): value is GuestfsError {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  /**
   * Has the error tell this call: a function made of several calls tells what its user called.
   *
   * What went wrong, and the stack, stay; a serial that is left out stays, too.
   */
  withCall({ operation, args, serial = this.serial }: FailedCall): this {
    return this.#change({ operation, args, serial });
  }

  /** Has the error tell what was found wrong on this host, a line each. */
  withDiagnosis(diagnosis: string): this {
    return this.#change({ diagnosis });
  }

  /** Gives the error the frames of another stack: those of the caller's line in place of those of a socket's handler. */
  withFrames(stack: string): this {
    this.#setStack(framesOf(stack));
    return this;
  }

  #change(parts: Partial<Parts>): this {
    // The stack begins with the message that the error had when it was made.
    const frames = framesOf(this.stack ?? '', this.message);
    Object.assign(this, parts);
    this.message = render(this);
    this.#setStack(frames);
    return this;
  }

  #setStack(frames: string): void {
    const value = `${this.name}: ${this.message}${frames}`;
    Object.defineProperty(this, 'stack', { value, configurable: true, writable: true });
  }
}

Object.defineProperty(GuestfsError.prototype, 'name', { value: 'GuestfsError', configurable: true, writable: true });
Object.defineProperty(GuestfsError.prototype, BRAND, { value: true });

/** What went wrong, whatever was thrown: the reason of a GuestfsError, the message of another error; never throws. */
export function reasonOf(error: unknown): string {
  try {
    if (GuestfsError.is(error)) return error.reason ?? error.message;
    const message = (error as { message?: unknown } | null | undefined)?.message;
    return typeof message === 'string' ? message : String(error);
  } catch {
    return 'a value that cannot be shown';
  }
}

type Parts = Pick<GuestfsError, 'reason' | 'operation' | 'args' | 'serial' | 'hint' | 'log' | 'diagnosis'>;

function render({ reason, operation, args, hint, log, diagnosis }: Omit<Parts, 'serial'>): string {
  const call = operation === undefined ? '' : `${operation}${args ?? ''}: `;
  return [
    `${call}${reason}`,
    ...(hint === undefined ? [] : [`  What to do: ${hint}`]),
    ...(log === undefined || log === '' ? [] : ['  Last lines of the log:', indent(log)]),
    ...(diagnosis === undefined ? [] : ['  What was checked:', indent(diagnosis)]),
  ].join('\n');
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '    ');
}

/** The lines of a stack below its message. */
function framesOf(stack: string, message = ''): string {
  const start = stack.indexOf('\n', stack.indexOf(message) + message.length);
  return start === -1 ? '' : stack.slice(start);
}
