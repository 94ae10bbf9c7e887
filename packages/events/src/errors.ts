const BRAND = Symbol.for('guestfs.error');

/** The codes of the errors that this package finds. */
export type EventsErrorCode =
  | 'ERR_GUESTFS_ARGUMENT'
  | 'ERR_GUESTFS_CANCELLED'
  | 'ERR_GUESTFS_CONNECTION_LOST'
  | 'ERR_GUESTFS_PROTOCOL'
  | 'ERR_GUESTFS_RECORDING'
  | 'ERR_GUESTFS_STATE';

/** A failure of this package. It carries the brand of a GuestfsError, so `GuestfsError.is` knows it. */
export class EventsError extends Error {
  readonly code: EventsErrorCode;
  /** What the user can do about it. */
  readonly hint: string | undefined;

  constructor(code: EventsErrorCode, message: string, fields: { hint?: string; cause?: unknown } = {}) {
    const { hint, cause } = fields;
    const mend = hint === undefined ? '' : `\n  What to do: ${hint}`;
    super(`${message}${mend}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

Object.defineProperty(EventsError.prototype, 'name', { value: 'GuestfsError', configurable: true, writable: true });
Object.defineProperty(EventsError.prototype, BRAND, { value: true });

/** The message of whatever was thrown; never throws itself. */
export function describeError(error: unknown): string {
  try {
    const message = (error as { message?: unknown } | null | undefined)?.message;
    return typeof message === 'string' ? message : String(error);
  } catch {
    return 'a value that cannot be shown';
  }
}
