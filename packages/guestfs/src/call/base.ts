import { DownloadOperation, GuestfsError, Operation } from '@guestfs/core';
import type { CallOptions, Connection, Procedure, RunControl, Sink } from '@guestfs/core';
import { describeArguments, procedures } from '@guestfs/core/internal';
import { createEvent } from '@guestfs/events';
import { anchorFile, openSource } from '../files/sources.js';
import type { FileSource, OpenSource } from '../files/sources.js';
import { openTarget } from '../files/targets.js';
import type { FileTarget } from '../files/targets.js';
import type { Handle } from '../handle/handle.js';
import { checkCall } from './check.js';
import { encodeKeys, hasAmbiguousKey } from './keys.js';
import { checkSource, endTarget, openSent, splitDownload } from './files.js';
import type { FileArgument } from './files.js';
import { findEarlyRefusal, mayBeRefusedEarly } from './early-refusals.js';
import { Run } from './run.js';
import { pickCallOptions, pickOptional } from './signature.js';
import type { OptionalArguments, Signature } from './signature.js';
import { formatCall, formatFailure, formatResult } from './trace.js';
import type { TracedFile } from './trace.js';
import { rejected, untilCancelled } from './operations.js';

/** Sends a call to the daemon. */
type Send<Result> = (connection: Connection, options: CallOptions | undefined) => Operation<Result>;

/** Sends a call whose file goes to a sink. */
type SendInto = (
  connection: Connection,
  options: CallOptions | undefined,
  sink: Sink,
  sinkBorrows: boolean,
) => Operation<void>;

/** A call as errors show it. */
interface ShownCall {
  readonly name: string;
  readonly args: () => string;
}

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

  constructor(handle: Handle) {
    this.#handle = handle;
  }

  /** Calls a function of the daemon that moves no file. */
  protected callDaemon<Result>(
    procedure: Procedure<Result>,
    args: readonly unknown[],
    options?: CallOptions,
  ): Operation<Result> {
    const mistake = this.#enter(procedure, args, options);
    if (mistake !== null) return rejected(procedure.name, mistake);
    const optional = pickOptional(procedure, options);
    if (hasAmbiguousKey(procedure, args)) return this.#callWithKeys(procedure, args, options);
    const send: Send<Result> = (connection, rest) => connection.call(procedure, args, optional, rest);
    const operation = this.#issue(shown(procedure, args, options), pickCallOptions(procedure, options), send);
    return this.#traced(procedure, operation);
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
      checkSource(name, argument, source) ?? this.#enter(procedure, args, options, { position: 0, file: source });
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
    const operation = this.#run(
      shown(procedure, args, options),
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
    return this.#traced(procedure, operation);
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
    const mistake = this.#enter(procedure, args, options, { position, file: target });
    if (mistake !== null) return rejected(name, mistake);
    const optional = pickOptional(procedure, options);
    const callOptions = pickCallOptions(procedure, options);
    const call = shown(procedure, args, options);
    const countBytes = !REPORTED.has(procedure);
    if (target !== undefined) {
      const send: SendInto = (connection, inner, sink, sinkBorrows) =>
        connection.call(procedure, args, optional, { ...inner, sink, sinkBorrows, countBytes });
      return this.#traced(procedure, this.#save(call, anchorFile(target), callOptions, send));
    }
    const begin = (sink: Sink, control: RunControl): Promise<void> => {
      const send: Send<void> = (connection, inner) =>
        connection.call(procedure, args, optional, { ...inner, sink, countBytes });
      const transfer = this.#handle.transfer(control, () => this.#issue(call, control.callOptions, send));
      return this.#traced(procedure, transfer);
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
    const mistake = this.#enter(signature, args, options);
    if (mistake !== null) return rejected(name, mistake);
    const hostPath = HOST_PATHS[name];
    const fixed = args.map((arg, index) => (index === hostPath ? anchorFile(arg) : arg)) as unknown as Args;
    const operation = this.#run(
      shown(signature, args, options),
      pickCallOptions(signature, options),
      (control, hold) => {
        this.#handle.requireOpen(name);
        return body(new Run(this.#handle, control, hold), ...fixed);
      },
      { atOnce: !this.#handle.order.held },
    );
    return this.#traced(signature, operation);
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
      if (GuestfsError.is(error)) error.withCall({ operation: name, args: shown(signature, args, options).args() });
    };
    try {
      // Like upstream, a call at the wrong time leaves no trace.
      handle.requireOpen(name);
      if (signature.configOnly === true) handle.requireConfig(name);
    } catch (error) {
      tellCall(error);
      throw error;
    }
    const mistake = this.#enter(signature, args, options);
    if (mistake !== null) throw mistake;
    // As it was at the start: `setTrace` changes it.
    const traced = handle.settings.trace;
    try {
      const result = body(handle, ...args);
      if (traced) handle.trace(formatResult(signature, result));
      return result;
    } catch (error) {
      tellCall(error);
      if (traced) this.#traceFailure(signature, error);
      throw error;
    }
  }

  /** Calls a function with a key of which it must be known first what the daemon makes of it. */
  #callWithKeys<Result>(
    procedure: Procedure<Result>,
    args: readonly unknown[],
    options: CallOptions | undefined,
  ): Operation<Result> {
    const call = shown(procedure, args, options);
    const rest = pickCallOptions(procedure, options);
    const task = async (control: RunControl, hold: () => void): Promise<Result> => {
      const run = new Run(this.#handle, control, hold);
      run.hold();
      return run.call(procedure, await encodeKeys(run, procedure, args), pickOptional(procedure, options));
    };
    const operation = this.#run(call, rest, task, { atOnce: !this.#handle.order.held });
    return this.#traced(procedure, operation);
  }

  /** Tells that a function is called, and returns what is wrong with the call. */
  #enter(
    signature: Signature,
    args: readonly unknown[],
    options: CallOptions | undefined,
    file?: TracedFile,
  ): GuestfsError | null {
    const { emitter, settings } = this.#handle;
    const mistake = checkCall(signature, args, options);
    if (mistake !== null) return mistake;
    if (emitter.wants('enter')) emitter.dispatch(createEvent.enter(signature.name));
    if (settings.trace) this.#handle.trace(formatCall(signature, args, options as OptionalArguments | undefined, file));
    return null;
  }

  /** Sends a call at once where that is possible, else as soon as what was issued before allows it. */
  #issue<Result>(call: ShownCall, options: CallOptions | undefined, send: Send<Result>): Operation<Result> {
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
  #run<Result>(
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

  #save(call: ShownCall, target: FileTarget, options: CallOptions | undefined, send: SendInto): Operation<void> {
    const { name } = call;
    const save = async (control: RunControl): Promise<void> => {
      const open = openTarget(name, target);
      const sink = (bytes: Buffer): void | Promise<void> => open.write(bytes);
      const sendInto: Send<void> = (connection, inner) => send(connection, inner, sink, open.borrows);
      try {
        await this.#handle.transfer(control, async () => {
          await this.#issue(call, control.callOptions, sendInto);
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

  #traced<Running extends PromiseLike<unknown>>(signature: Signature, operation: Running): Running {
    const handle = this.#handle;
    if (handle.settings.trace) {
      operation.then(
        (value) => handle.trace(formatResult(signature, value)),
        (error: unknown) => this.#traceFailure(signature, error),
      );
    }
    return operation;
  }

  #traceFailure(signature: Signature, error: unknown): void {
    const handle = this.#handle;
    // The line of the trace does not say why, as upstream's does not.
    handle.log(`error: ${error instanceof Error ? error.message : String(error)}`);
    handle.trace(formatFailure(signature));
  }
}

function shown(signature: Signature, args: readonly unknown[], options: CallOptions | undefined): ShownCall {
  const optional = options as OptionalArguments | undefined;
  return { name: signature.name, args: () => describeArguments(signature, args, optional) };
}

/** Ends the target of a call that is never made, so that whoever reads from it is told. */
function abandon(operation: string, target: FileTarget, reason: unknown): void {
  try {
    void openTarget(operation, target).fail(reason);
  } catch {
    // One that cannot be opened has nobody to tell.
  }
}
