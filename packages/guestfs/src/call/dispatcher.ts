import { Operation } from '@guestfs/core';
import type { CallOptions, Connection, RunControl, GuestfsError } from '@guestfs/core';
import { describeArguments } from '@guestfs/core/protocol';
import { createEvent } from '@guestfs/events';
import type { Handle } from '../handle/handle.js';
import { checkCall } from './check.js';
import { untilCancelled } from './operations.js';
import type { OptionalArguments, Signature } from './signature.js';
import { formatCall, formatFailure, formatResult } from './trace.js';
import type { TracedFile } from './trace.js';

/** Sends a call to the daemon. */
export type Send<Result> = (connection: Connection, options: CallOptions | undefined) => Operation<Result>;

/** A call as errors show it. */
export interface ShownCall {
  readonly name: string;
  readonly args: () => string;
}

/** What goes before and after every call: its check, the `enter` and `trace` events, and its place among the others. */
export class Dispatcher {
  readonly #handle: Handle;

  constructor(handle: Handle) {
    this.#handle = handle;
  }

  /** Tells that a function is called, and returns what is wrong with the call. */
  enter(
    signature: Signature,
    args: readonly unknown[],
    options: CallOptions | undefined,
    file?: TracedFile,
  ): GuestfsError | null {
    const mistake = checkCall(signature, args, options);
    if (mistake === null) this.announce(signature, args, options, file);
    return mistake;
  }

  /** Tells that a function is called with arguments that fit. */
  announce(signature: Signature, args: readonly unknown[], options: CallOptions | undefined, file?: TracedFile): void {
    const { emitter, settings } = this.#handle;
    if (emitter.wants('enter')) emitter.dispatch(createEvent.enter(signature.name));
    if (settings.trace) this.#handle.trace(formatCall(signature, args, options as OptionalArguments | undefined, file));
  }

  /** Sends a call at once where that is possible, else as soon as what was issued before allows it. */
  issue<Result>(call: ShownCall, options: CallOptions | undefined, send: Send<Result>): Operation<Result> {
    const handle = this.#handle;
    const { idle } = handle;
    if (idle !== null) return send(idle, options);
    const whenItsTurn = async (control: RunControl): Promise<Result> => {
      await untilCancelled(control, handle.order.turn());
      return send(handle.requireConnection(call.name), control.callOptions);
    };
    return Operation.run(call.name, options, whenItsTurn, call.args);
  }

  /**
   * Runs what takes several steps. What is issued later waits for it, unless it starts `atOnce`: then only if and as
   * soon as it asks for that through `hold`. `unsent` is called where its turn never comes.
   */
  run<Result>(
    call: ShownCall,
    options: CallOptions | undefined,
    task: (control: RunControl, hold: () => void) => Promise<Result>,
    { atOnce, unsent }: { atOnce: boolean; unsent?: () => void },
  ): Operation<Result> {
    const { order } = this.#handle;
    const giveUp = (error: unknown): never => {
      unsent?.();
      throw error;
    };
    const begin = (control: RunControl): Promise<Result> => {
      const turn = atOnce ? null : order.turn();
      let release: (() => void) | null = null;
      const hold = (): void => void (release ??= order.hold());
      if (!atOnce) hold();
      const running = async (): Promise<Result> => {
        if (turn !== null) await untilCancelled(control, turn).catch(giveUp);
        return task(control, hold);
      };
      return running().finally(() => release?.());
    };
    return Operation.run(call.name, options, begin, call.args);
  }

  /** Traces how a call ends. */
  traced<Running extends PromiseLike<unknown>>(signature: Signature, operation: Running): Running {
    const handle = this.#handle;
    if (handle.settings.trace) {
      operation.then(
        (value) => handle.trace(formatResult(signature, value)),
        (error: unknown) => this.traceFailure(signature, error),
      );
    }
    return operation;
  }

  traceFailure(signature: Signature, error: unknown): void {
    const handle = this.#handle;
    // The line of the trace does not say why, as upstream's does not.
    handle.log(`error: ${error instanceof Error ? error.message : String(error)}`);
    handle.trace(formatFailure(signature));
  }
}

export function showCall(signature: Signature, args: readonly unknown[], options: CallOptions | undefined): ShownCall {
  const optional = options as OptionalArguments | undefined;
  return { name: signature.name, args: () => describeArguments(signature, args, optional) };
}
