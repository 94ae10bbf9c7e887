import { DownloadOperation, GuestfsError, Operation } from '@guestfs/core';
import type { CallOptions, Connection, Procedure, RunControl } from '@guestfs/core';
import { procedures } from '@guestfs/core/internal';
import { createEvent } from '@guestfs/events';
import { isFileSource, openSource, openStream } from '../files/sources.js';
import type { FileSource, OpenSource } from '../files/sources.js';
import { isFileTarget, openTarget } from '../files/targets.js';
import type { FileTarget } from '../files/targets.js';
import type { Handle } from '../handle/handle.js';
import { checkCall } from './check.js';
import { Run } from './run.js';
import { pickCallOptions, pickOptional } from './signature.js';
import type { OptionalArguments, Signature } from './signature.js';
import { formatCall, formatFailure, formatResult } from './trace.js';

/** Sends a call to the daemon. */
type Send<Result> = (connection: Connection, options: CallOptions | undefined) => Operation<Result>;

/** The transfers of which the daemon reports progress; for all others the bytes are counted here. */
const REPORTED: ReadonlySet<Procedure> = new Set<Procedure>([
  procedures.upload,
  procedures.uploadOffset,
  procedures.download,
  procedures.downloadOffset,
]);

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
    const send: Send<Result> = (connection, rest) => connection.call(procedure, args, optional, rest);
    return this.#traced(procedure.name, this.#issue(procedure.name, pickCallOptions(procedure, options), send));
  }

  /** Calls a function that takes a file. */
  protected callUpload<Result>(
    procedure: Procedure<Result>,
    source: FileSource,
    args: readonly unknown[],
    options?: CallOptions,
  ): Operation<Result> {
    const { name } = procedure;
    const mistake = this.#enter(procedure, args, options) ?? checkSource(name, source);
    if (mistake !== null) return rejected(name, mistake);
    const optional = pickOptional(procedure, options);
    const rest = pickCallOptions(procedure, options);
    const send = (connection: Connection, open: OpenSource, inner: CallOptions | undefined): Operation<Result> => {
      const size = open.size === undefined ? undefined : BigInt(open.size);
      const countBytes = size === undefined || !REPORTED.has(procedure);
      return connection.call(procedure, args, optional, { ...inner, source: open.bytes, size, countBytes });
    };
    // What is there already is sent at once, with no step in between.
    const stream = openStream(name, source);
    const atOnce = stream !== null && !this.#handle.order.held;
    const operation = this.#run(
      name,
      rest,
      (control) =>
        this.#handle.transfer(control, async () => {
          const connection = this.#handle.requireConnection(name);
          const open = stream ?? (await openSource(name, source));
          try {
            control.throwIfCancelled();
            return await send(connection, open, innerOptions(control));
          } catch (error) {
            // A call that was never sent has not touched its source.
            open.close();
            throw error;
          }
        }),
      atOnce,
    );
    return this.#traced(name, operation);
  }

  /**
   * Calls a function that gives a file: into a target, which stands at a position among the arguments, or, where it was
   * left out there, into the operation.
   */
  protected callDownload(
    procedure: Procedure<void>,
    position: number,
    given: readonly unknown[],
  ): Operation<void> | DownloadOperation<void> {
    const target = given[position];
    const aimed = isFileTarget(target);
    const rest = aimed ? [...given.slice(0, position), ...given.slice(position + 1)] : given;
    const args = rest.slice(0, procedure.args.length);
    const options = rest[procedure.args.length] as CallOptions | undefined;
    const mistake = this.#enter(procedure, args, options);
    if (mistake !== null) return rejected(procedure.name, mistake);
    const optional = pickOptional(procedure, options);
    const callOptions = pickCallOptions(procedure, options);
    if (aimed) return this.#traced(procedure.name, this.#save(procedure, args, optional, target, callOptions));
    const countBytes = !REPORTED.has(procedure);
    return new DownloadOperation<void>(procedure.name, callOptions, (sink, inner) => {
      const send: Send<void> = (connection, each) =>
        connection.call(procedure, args, optional, { ...each, sink, countBytes });
      const operation = Operation.run(procedure.name, inner, (control) =>
        this.#handle.transfer(control, () => this.#issue(procedure.name, innerOptions(control), send)),
      );
      return this.#traced(procedure.name, operation);
    });
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
    const operation = this.#run(
      name,
      pickCallOptions(signature, options),
      (control, hold) => {
        this.#handle.requireOpen(name);
        return body(new Run(this.#handle, control, hold), ...args);
      },
      !this.#handle.order.held,
    );
    return this.#traced(name, operation);
  }

  /** Runs a function that returns at once; it throws where the others reject. */
  protected callSync<Args extends readonly unknown[], Result>(
    signature: Signature,
    body: (handle: Handle, ...args: Args) => Result,
    args: Args,
  ): Result {
    const handle = this.#handle;
    const { name } = signature;
    const options = signature.optargs.length > 0 ? args[signature.args.length] : undefined;
    const mistake = this.#enter(signature, args, options as CallOptions | undefined);
    if (mistake !== null) throw mistake;
    // As it was at the start: `setTrace` changes it.
    const traced = handle.settings.trace;
    try {
      handle.requireOpen(name);
      if (signature.configOnly === true) handle.requireConfig(name);
      const result = body(handle, ...args);
      if (traced) handle.trace(formatResult(name, result));
      return result;
    } catch (error) {
      if (traced) handle.trace(formatFailure(name, error));
      throw error;
    }
  }

  /** Tells that a function is called, and returns what is wrong with the call. */
  #enter(signature: Signature, args: readonly unknown[], options: CallOptions | undefined): GuestfsError | null {
    const { emitter, settings } = this.#handle;
    const mistake = checkCall(signature, args, options);
    if (mistake !== null) return mistake;
    if (emitter.wants('enter')) emitter.dispatch(createEvent.enter(signature.name));
    if (settings.trace) this.#handle.trace(formatCall(signature, args, options as OptionalArguments | undefined));
    return null;
  }

  /** Sends a call at once where that is possible, else as soon as what was issued before allows it. */
  #issue<Result>(name: string, options: CallOptions | undefined, send: Send<Result>): Operation<Result> {
    const handle = this.#handle;
    const { idle } = handle;
    if (idle !== null) return send(idle, options);
    return Operation.run(name, options, async (control) => {
      await handle.order.turn();
      control.throwIfCancelled();
      return send(handle.requireConnection(name), innerOptions(control));
    });
  }

  /**
   * Runs what takes several steps. What is issued later waits for it, unless it starts `atOnce`: then only if and as
   * soon as it asks for that through `hold`.
   */
  #run<Result>(
    name: string,
    options: CallOptions | undefined,
    task: (control: RunControl, hold: () => void) => Promise<Result>,
    atOnce = false,
  ): Operation<Result> {
    const { order } = this.#handle;
    return Operation.run(name, options, (control) => {
      const turn = atOnce ? null : order.turn();
      let release: (() => void) | null = null;
      const hold = (): void => void (release ??= order.hold());
      if (!atOnce) hold();
      const running = async (): Promise<Result> => {
        try {
          if (turn !== null) {
            await turn;
            control.throwIfCancelled();
          }
          return await task(control, hold);
        } finally {
          release?.();
        }
      };
      return running();
    });
  }

  #save(
    procedure: Procedure<void>,
    args: readonly unknown[],
    optional: OptionalArguments | undefined,
    target: FileTarget,
    options: CallOptions | undefined,
  ): Operation<void> {
    const { name } = procedure;
    const countBytes = !REPORTED.has(procedure);
    return Operation.run(name, options, async (control) => {
      const open = openTarget(name, target);
      const sink = (bytes: Buffer): void | Promise<void> => open.write(bytes);
      const send: Send<void> = (connection, inner) =>
        connection.call(procedure, args, optional, { ...inner, sink, countBytes });
      try {
        await this.#handle.transfer(control, () => this.#issue(name, innerOptions(control), send));
        await open.finish();
      } catch (error) {
        await open.fail(error);
        throw open.failure ?? error;
      }
    });
  }

  #traced<Result>(name: string, operation: Operation<Result>): Operation<Result> {
    const handle = this.#handle;
    if (handle.settings.trace) {
      operation.then(
        (value) => handle.trace(formatResult(name, value)),
        (error: unknown) => handle.trace(formatFailure(name, error)),
      );
    }
    return operation;
  }
}

/** Passes cancelling and progress on to a call inside. */
export function innerOptions(control: RunControl): CallOptions {
  return { signal: control.signal, onProgress: (progress) => control.progress(progress) };
}

function rejected<Result>(name: string, error: GuestfsError): Operation<Result> {
  return Operation.run(name, undefined, () => {
    throw error;
  });
}

function checkSource(operation: string, source: unknown): GuestfsError | null {
  if (isFileSource(source)) return null;
  return new GuestfsError(
    'ERR_GUESTFS_ARGUMENT',
    'the file to send must be a path, a URL, bytes, or a stream of bytes',
    {
      operation,
    },
  );
}
