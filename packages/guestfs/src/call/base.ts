import { DownloadOperation, GuestfsError, Operation } from '@guestfs/core';
import type { CallOptions, Connection, Procedure, RunControl, Sink } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import { anchorFile, openSource } from '../files/sources.js';
import type { FileSource, OpenSource } from '../files/sources.js';
import { openTarget } from '../files/targets.js';
import type { FileTarget } from '../files/targets.js';
import type { Handle } from '../handle/handle.js';
import { checkCall } from './check.js';
import { Dispatcher, showCall } from './dispatcher.js';
import type { Send, ShownCall } from './dispatcher.js';
import { findEarlyRefusal, mayBeRefusedEarly } from './early-refusals.js';
import { checkSource, endTarget, openSent, splitDownload } from './files.js';
import type { FileArgument } from './files.js';
import { encodeKeys, hasAmbiguousKey } from './keys.js';
import { rejected, untilCancelled } from './operations.js';
import { Run } from './run.js';
import { pickCallOptions, pickOptional } from './signature.js';
import type { Signature } from './signature.js';
import { formatResult } from './trace.js';

/** Sends a call whose file goes to a sink. */
type SendInto = (
  connection: Connection,
  options: CallOptions | undefined,
  sink: Sink,
  sinkBorrows: boolean,
) => Operation<void>;

/** The transfers of which the daemon reports progress; for all others the bytes are counted here. */
const REPORTED: ReadonlySet<Procedure> = new Set<Procedure>([
  procedures.upload,
  procedures.uploadOffset,
  procedures.download,
  procedures.downloadOffset,
]);

/** Which argument of a function that the library does by itself is a path of the host. */
const HOST_PATHS: Readonly<Record<string, number>> = {
  copyIn: 0,
  copyOut: 1,
  diskCreate: 0,
  diskFormat: 0,
  diskHasBackingFile: 0,
  diskVirtualSize: 0,
};

/** The one path that every function of the API takes: checks, `enter` and `trace` events, order, and state. */
export abstract class MethodBase {
  readonly #handle: Handle;
  readonly #dispatcher: Dispatcher;

  constructor(handle: Handle) {
    this.#handle = handle;
    this.#dispatcher = new Dispatcher(handle);
  }

  /** Calls a function of the daemon that moves no file. */
  protected callDaemon<Result>(
    procedure: Procedure<Result>,
    args: readonly unknown[],
    options?: CallOptions,
  ): Operation<Result> {
    const mistake = this.#dispatcher.enter(procedure, args, options);
    if (mistake !== null) return rejected(procedure.name, mistake);
    const optional = pickOptional(procedure, options);
    if (hasAmbiguousKey(procedure, args)) return this.#callWithKeys(procedure, args, options);
    const send: Send<Result> = (connection, rest) => connection.call(procedure, args, optional, rest);
    const operation = this.#dispatcher.issue(
      showCall(procedure, args, options),
      pickCallOptions(procedure, options),
      send,
    );
    return this.#dispatcher.traced(procedure, operation);
  }

  /** Calls a function that takes a file; `argument` is the name of what stands for it. */
  protected callUpload<Result>(
    procedure: Procedure<Result>,
    argument: string,
    source: FileSource,
    args: readonly unknown[],
    options?: CallOptions,
  ): Operation<Result> {
    const { name } = procedure;
    const place = anchorFile(source);
    const mistake =
      checkSource(name, argument, source) ??
      this.#dispatcher.enter(procedure, args, options, { position: 0, file: source });
    if (mistake !== null) return rejected(name, mistake);
    const optional = pickOptional(procedure, options);
    const rest = pickCallOptions(procedure, options);
    const send = (connection: Connection, open: OpenSource, inner: CallOptions | undefined): Operation<Result> => {
      const size = open.size === undefined ? undefined : BigInt(open.size);
      const countBytes = size === undefined || !REPORTED.has(procedure);
      return connection.call(procedure, args, optional, { ...inner, source: open.bytes, size, countBytes });
    };
    // What is there already is sent at once, with no step in between.
    const stream = openSent(name, source);
    const atOnce = stream !== null && !this.#handle.order.held;
    // A call that is never sent ends its source as one that fails.
    const unsent = (): void => stream?.close();
    if (rest?.signal?.aborted === true) unsent();
    const operation = this.#dispatcher.run(
      showCall(procedure, args, options),
      rest,
      (control, hold) =>
        this.#handle.transfer(control, async () => {
          let open = stream;
          try {
            const connection = this.#handle.requireConnection(name);
            if (mayBeRefusedEarly(procedure, args, optional)) {
              hold();
              await findEarlyRefusal(procedure, optional, connection, { signal: control.signal });
            }
            open ??= await untilCancelled(control, openSource(name, place), (late) => late.close());
            return await send(connection, open, control.callOptions);
          } catch (error) {
            // A call that was never sent has not touched its source.
            open?.close();
            throw error;
          }
        }),
      { atOnce, unsent },
    );
    return this.#dispatcher.traced(procedure, operation);
  }

  /** Calls a function that gives a file: into a target, or, where that was left out, into the operation. */
  protected callDownload(
    procedure: Procedure<void>,
    argument: FileArgument,
    given: readonly unknown[],
  ): Operation<void> | DownloadOperation<void> {
    const { name } = procedure;
    const split = splitDownload(procedure, argument, given);
    if (GuestfsError.is(split)) return rejected(name, split);
    const { args, target } = split;
    const options = split.options as CallOptions | undefined;
    const { position } = argument;
    const mistake = this.#dispatcher.enter(procedure, args, options, { position, file: target });
    if (mistake !== null) return rejected(name, mistake);
    const optional = pickOptional(procedure, options);
    const callOptions = pickCallOptions(procedure, options);
    const call = showCall(procedure, args, options);
    const countBytes = !REPORTED.has(procedure);
    if (target !== undefined) {
      const send: SendInto = (connection, inner, sink, sinkBorrows) =>
        connection.call(procedure, args, optional, { ...inner, sink, sinkBorrows, countBytes });
      return this.#dispatcher.traced(procedure, this.#save(call, anchorFile(target), callOptions, send));
    }
    const begin = (sink: Sink, control: RunControl): Promise<void> => {
      const send: Send<void> = (connection, inner) =>
        connection.call(procedure, args, optional, { ...inner, sink, countBytes });
      const transfer = this.#handle.transfer(control, () => this.#dispatcher.issue(call, control.callOptions, send));
      return this.#dispatcher.traced(procedure, transfer);
    };
    return new DownloadOperation<void>(name, callOptions, begin, call.args);
  }

  /** Runs a function that the library does by itself. */
  protected callLibrary<Args extends readonly unknown[], Result>(
    signature: Signature,
    body: (run: Run, ...args: Args) => Promise<Result>,
    args: Args,
    options?: CallOptions,
  ): Operation<Result> {
    const { name } = signature;
    const mistake = this.#dispatcher.enter(signature, args, options);
    if (mistake !== null) return rejected(name, mistake);
    const hostPath = HOST_PATHS[name];
    const fixed = args.map((arg, index) => (index === hostPath ? anchorFile(arg) : arg)) as unknown as Args;
    const operation = this.#dispatcher.run(
      showCall(signature, args, options),
      pickCallOptions(signature, options),
      (control, hold) => {
        this.#handle.requireOpen(name);
        return body(new Run(this.#handle, control, hold), ...fixed);
      },
      { atOnce: !this.#handle.order.held },
    );
    return this.#dispatcher.traced(signature, operation);
  }

  /** Runs a function that returns at once; it throws where the others reject. */
  protected callSync<Args extends readonly unknown[], Result>(
    signature: Signature,
    body: (handle: Handle, ...args: Args) => Result,
    args: Args,
  ): Result {
    const handle = this.#handle;
    const { name } = signature;
    const given = signature.optargs.length > 0 ? args[signature.args.length] : undefined;
    const options = given as CallOptions | undefined;
    const tellCall = (error: unknown): void => {
      if (GuestfsError.is(error)) error.withCall({ operation: name, args: showCall(signature, args, options).args() });
    };
    const mistake = checkCall(signature, args, options);
    if (mistake !== null) throw mistake;
    try {
      // Like upstream, a call at the wrong time leaves no trace.
      handle.requireOpen(name);
      if (signature.configOnly === true) handle.requireConfig(name);
    } catch (error) {
      tellCall(error);
      throw error;
    }
    this.#dispatcher.announce(signature, args, options);
    // As it was at the start: `setTrace` changes it.
    const traced = handle.settings.trace;
    try {
      const result = body(handle, ...args);
      if (traced) handle.trace(formatResult(signature, result));
      return result;
    } catch (error) {
      tellCall(error);
      if (traced) this.#dispatcher.traceFailure(signature, error);
      throw error;
    }
  }

  /** Calls a function with a key of which it must be known first what the daemon makes of it. */
  #callWithKeys<Result>(
    procedure: Procedure<Result>,
    args: readonly unknown[],
    options: CallOptions | undefined,
  ): Operation<Result> {
    const call = showCall(procedure, args, options);
    const rest = pickCallOptions(procedure, options);
    const task = async (control: RunControl, hold: () => void): Promise<Result> => {
      const run = new Run(this.#handle, control, hold);
      run.hold();
      return run.call(procedure, await encodeKeys(run, procedure, args), pickOptional(procedure, options));
    };
    const operation = this.#dispatcher.run(call, rest, task, { atOnce: !this.#handle.order.held });
    return this.#dispatcher.traced(procedure, operation);
  }

  #save(call: ShownCall, target: FileTarget, options: CallOptions | undefined, send: SendInto): Operation<void> {
    const { name } = call;
    const save = async (control: RunControl): Promise<void> => {
      const open = openTarget(name, target);
      const sink = (bytes: Buffer): void | Promise<void> => open.write(bytes);
      const sendInto: Send<void> = (connection, inner) => send(connection, inner, sink, open.borrows);
      try {
        await this.#handle.transfer(control, async () => {
          await this.#dispatcher.issue(call, control.callOptions, sendInto);
          await untilCancelled(control, open.finish());
        });
      } catch (error) {
        await endTarget(open, target, error);
        throw open.failure ?? error;
      }
    };
    if (options?.signal?.aborted === true) abandon(name, target, options.signal.reason);
    return Operation.run(name, options, save, call.args);
  }
}

/** Ends the target of a call that is never made, so that whoever reads from it is told. */
function abandon(operation: string, target: FileTarget, reason: unknown): void {
  try {
    void openTarget(operation, target).fail(reason);
  } catch {
    // One that cannot be opened has nobody to tell.
  }
}
