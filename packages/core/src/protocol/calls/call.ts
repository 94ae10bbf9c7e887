import { makeProgress } from '@guestfs/events';
import type { Progress } from '@guestfs/events';
import type { GuestfsError } from '../errors.js';
import { OperationControl } from '../operation/control.js';
import { codecOf, type OptionalArguments, type ProcedureCodec, type SecretRange } from '../wire/codec.js';
import type { Procedure } from '../wire/descriptors.js';
import { describeArguments } from './describe.js';
import type { Transfer } from '../transfer/transfer.js';

/** A call that was issued and has not settled, or has settled and is still on the line. */
export class PendingCall<T = unknown> extends OperationControl<T> {
  readonly procedure: Procedure<T>;
  readonly args: readonly unknown[];
  readonly optargs: OptionalArguments | undefined;
  readonly codec: ProcedureCodec;
  /** 0 until it is sent. */
  serial = 0;
  /** When all before it was answered, by the performance clock: the daemon has been at it since. */
  begunAt = 0;
  /** The length of its frame in bytes. */
  size = 0;
  /** The encoded call while it waits in the queue. */
  frame: Buffer | null = null;
  secrets: readonly SecretRange[] | null = null;
  /** Its progress is worked out here, the daemon's is ignored. */
  countsBytes = false;
  /** Told when the call rejects while it is with the daemon. */
  onLeft: (() => void) | null = null;
  /** How its file moves, null for a call that moves none. */
  transfer: Transfer | null = null;

  readonly #report: ((progress: Progress) => void) | undefined;
  /** The newest message, unless it was the last one. */
  #unfinished: Progress | null = null;

  constructor(
    procedure: Procedure<T>,
    args: readonly unknown[],
    optargs?: OptionalArguments,
    report?: (progress: Progress) => void,
  ) {
    super(procedure.name);
    this.#report = report;
    this.procedure = procedure;
    this.args = args;
    this.optargs = optargs;
    this.codec = codecOf(procedure);
  }

  /** The fields that say in an error which call it was. */
  where(): { operation: string; args: string } {
    return { operation: this.operation, args: this.shownArguments };
  }

  protected override get shownArguments(): string {
    return describeArguments(this.procedure, this.args, this.optargs);
  }

  override progress(progress: Progress): void {
    if (this.settled) return;
    this.#unfinished = progress.done ? null : progress;
    this.#report?.(progress);
    super.progress(progress);
  }

  /** The daemon leaves the last message out where it counted wrong: a file that grew or shrank, one of /proc. */
  override resolve(value: T): void {
    if (this.#unfinished !== null) {
      const { operation, proc, serial, position, total } = this.#unfinished;
      const whole = total === 0n ? position : total;
      this.progress(makeProgress({ operation, proc, serial, position: whole, total: whole }));
    }
    super.resolve(value);
  }

  /** Rejects the call where it is: unsent it is never sent, else its file is given up and its reply dropped. */
  fail(error: GuestfsError): void {
    if (this.settled) return;
    this.frame = null;
    // Rejects first: what the transfer does then finds the call settled.
    this.reject(error);
    this.transfer?.cancel();
    this.onLeft?.();
  }

  protected override onCancelled(error: GuestfsError): void {
    this.fail(error);
  }
}
