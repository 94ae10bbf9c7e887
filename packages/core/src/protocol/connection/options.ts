import type { Progress } from '@guestfs/events';
import type { CallOptions } from '../operation/control.js';
import type { Sink } from '../operation/download.js';
import type { SecretRange } from '../wire/codec.js';
import type { GuestfsError } from '../errors.js';
import type { UploadSource } from '../transfer/upload.js';

/** What a call takes besides its arguments. */
export interface ConnectionCallOptions extends CallOptions {
  /** The bytes of a procedure that takes a file. Ended with `return` or `close` when the transfer stops early. */
  readonly source?: UploadSource | undefined;
  /** How many bytes `source` gives, where that is known: only then does the daemon report progress. */
  readonly size?: bigint | undefined;
  /** Takes the bytes of a procedure that gives a file. The buffers are the sink's. */
  readonly sink?: Sink | undefined;
  /** The buffers are the sink's only until it returns: it copies what it keeps. That saves a copy where it keeps nothing. */
  readonly sinkBorrows?: boolean | undefined;
  /** Report progress from the bytes moved, for procedures of which the daemon reports none. */
  readonly countBytes?: boolean | undefined;
}

/** Sees all bytes of a connection, for recordings. The bytes are only valid during the call. */
export interface ConnectionTap {
  /** One or more whole frames that go out; `secrets` says where keys and passwords lie in them. */
  sent(bytes: Buffer, secrets: readonly SecretRange[]): void;
  /** Bytes as they came in, not cut at frames. */
  received(bytes: Buffer): void;
}

export interface ConnectionOptions {
  /**
   * `required`: the daemon says that it is up before anything else, as after a boot. `none`: it says nothing.
   * `ping`: it may or may not, so it is asked; for a daemon that runs already.
   */
  readonly launchFlag: 'required' | 'none' | 'ping';
  /** Milliseconds until opening fails with ERR_GUESTFS_LAUNCH_TIMEOUT; without it there is no limit. */
  readonly timeout?: number | undefined;
  /** Gives opening up. */
  readonly signal?: AbortSignal | undefined;
  readonly tap?: ConnectionTap | undefined;
  /** Told of the progress of every call. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Told in lines for people what calls wait for, where that is one that was cancelled. */
  readonly log?: ((line: string) => void) | undefined;
}

/** How a connection ended. */
export interface ConnectionEnd {
  /** Whether it was ended from here, by `close` or by `destroy` without a reason. */
  readonly expected: boolean;
  /** ERR_GUESTFS_CLOSED, or ERR_GUESTFS_CONNECTION_LOST with the cause. */
  readonly reason: GuestfsError;
}
