import type { GuestfsError, GuestfsErrorFields } from '../errors.js';

/** Why the machine of a daemon stands still, and what makes it try again. */
export interface Stall {
  /** The error of a call that cannot be done now. */
  failure(where: Pick<GuestfsErrorFields, 'operation' | 'args' | 'serial'>): GuestfsError;
  /** Has the machine go on. The connection is told then how that went: by `proceed`, or by `stall` again. */
  retry(): void;
}
