import type { Operation, Procedure, RunControl, Sink } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import type { Handle } from '../handle/handle.js';
import type { OptionalArguments } from './signature.js';

const renamed = new WeakMap<Procedure, Map<string, Procedure>>();

/** What a function of the library works with while it runs. Its calls go out at once, ahead of what others issue later. */
export class Run {
  readonly handle: Handle;
  /** Aborted when the operation is cancelled; takes progress. */
  readonly control: RunControl;
  readonly #hold: () => void;

  constructor(handle: Handle, control: RunControl, hold: () => void) {
    this.handle = handle;
    this.control = control;
    this.#hold = hold;
  }

  /** The method's name. */
  get name(): string {
    return this.control.operation;
  }

  get signal(): AbortSignal {
    return this.control.signal;
  }

  /**
   * Makes what the user issues from now on wait until this function has ended.
   *
   * To be called before the first `await` by all that sends calls after one: otherwise later ones could overtake these.
   */
  hold(): void {
    this.#hold();
  }

  /** Calls the daemon; cancelled with the function, and its progress is the function's. */
  call<Result>(
    procedure: Procedure<Result>,
    args: readonly unknown[] = [],
    optional?: OptionalArguments,
  ): Operation<Result> {
    return this.#connection.call(this.#rename(procedure), args, optional, this.control.callOptions);
  }

  /** Sends bytes as the file of a procedure. */
  upload(
    procedure: Procedure<void>,
    bytes: AsyncIterable<Uint8Array>,
    args: readonly unknown[],
    size?: bigint,
  ): Promise<void> {
    const options = { ...this.control.callOptions, source: bytes, size, countBytes: size === undefined };
    return this.handle.transfer(this.control, () =>
      this.#connection.call(this.#rename(procedure), args, undefined, options),
    );
  }

  /** Sends the file that a procedure gives to a sink, whose promises slow the daemon down. */
  download(
    procedure: Procedure<void>,
    args: readonly unknown[],
    sink: Sink,
    optional?: OptionalArguments,
  ): Promise<void> {
    const options = { ...this.control.callOptions, sink, countBytes: procedure !== procedures.download };
    return this.handle.transfer(this.control, () =>
      this.#connection.call(this.#rename(procedure), args, optional, options),
    );
  }

  /** Fetches the file that a procedure gives into memory. */
  async fetch(procedure: Procedure<void>, args: readonly unknown[] = []): Promise<Buffer> {
    const parts: Buffer[] = [];
    await this.download(procedure, args, (bytes) => void parts.push(bytes));
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  get #connection() {
    return this.handle.requireConnection(this.name);
  }

  /** Errors and progress are told under the name that the user called. */
  #rename<Result>(procedure: Procedure<Result>): Procedure<Result> {
    if (procedure.name === this.name) return procedure;
    let names = renamed.get(procedure);
    if (names === undefined) renamed.set(procedure, (names = new Map<string, Procedure>()));
    let copy = names.get(this.name);
    if (copy === undefined) names.set(this.name, (copy = { ...procedure, name: this.name }));
    return copy as Procedure<Result>;
  }
}
