import { orNull } from '../../waiting/within.js';
import { GuestfsError } from '../errors.js';
import { holdDuring } from '../keep-alive.js';
import type { CallOptions } from '../operation/control.js';
import { DownloadOperation } from '../operation/download.js';
import { Operation } from '../operation/operation.js';
import { PING } from '../wire/ping.js';
import type { OptionalArguments } from '../wire/codec.js';
import type { Procedure } from '../wire/descriptors.js';
import type { Transport } from '../transport/contract.js';
import { transferOf } from '../transfer/start.js';
import { PendingCall } from '../calls/call.js';
import { closedReason, endedFailure, lostReason } from '../calls/failures.js';
import { CallQueue } from '../calls/call-queue.js';
import { waitUntilUp } from './opening.js';
import type { ConnectionCallOptions, ConnectionEnd, ConnectionOptions } from './options.js';
import { Origins } from './origins.js';
import type { Stall } from './stall.js';
import { cancelledCall, WaitWatch, type CancelledCall } from './wait-watch.js';

/** How the last call of a process that exits went. */
export interface LastCall {
  /** Null where it succeeded. */
  readonly failure: Error | null;
  /** The functions whose calls were dropped for it, and the one whose upload was cut off. */
  readonly dropped: readonly string[];
}

/** How long `close` waits for calls that run, in milliseconds. */
const CLOSE_TIMEOUT = 5_000;

/**
 * Calls the functions of a daemon over one transport.
 *
 * Calls run in the order they are issued. Those that move no file are sent without waiting for the ones before; one that
 * moves a file waits until it is alone. However a connection ends, every call that is open then rejects with the reason,
 * and so does every later one; nothing here throws.
 */
export class Connection {
  /** The transport's name, for messages. */
  readonly name: string;
  /** Resolves, never rejects, with how the connection ended; also for those who ask later. */
  readonly closed: Promise<ConnectionEnd>;
  readonly #transport: Transport;
  readonly #queue: CallQueue;
  readonly #watch: WaitWatch | null;
  readonly #origins = new Origins();
  readonly #options: ConnectionOptions;
  #end: ConnectionEnd | null = null;
  #stall: Stall | null = null;
  #explainLoss: (() => Promise<Error>) | null = null;
  /** The transport is gone, and why is being found out. */
  #losing = false;
  #closing: Promise<void> | null = null;
  #resolveClosed!: (end: ConnectionEnd) => void;
  readonly #endListeners: ((end: ConnectionEnd) => void)[] = [];

  private constructor(transport: Transport, options: ConnectionOptions) {
    this.name = transport.name;
    this.#transport = transport;
    this.#options = options;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    this.#queue = new CallQueue(transport, options.tap);
    const { log } = options;
    this.#watch = log === undefined ? null : new WaitWatch(this.#queue, log);
  }

  /**
   * Opens a connection over a transport that nobody has started, and takes it over.
   *
   * Rejects, with the transport destroyed, with ERR_GUESTFS_LAUNCH_TIMEOUT, ERR_GUESTFS_CANCELLED, ERR_GUESTFS_PROTOCOL
   * when the launch flag is required and something else comes, or ERR_GUESTFS_CONNECTION_LOST.
   */
  static async open(transport: Transport, options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(transport, options);
    transport.start({
      data: (bytes) => connection.#data(bytes),
      end: (reason) => void connection.#lose(reason),
    });
    await holdDuring(waitUntilUp(connection, connection.#queue.launchFlagFirst, options));
    return connection;
  }

  /** Whether the connection has ended; calls then reject. */
  get ended(): boolean {
    return this.#end !== null;
  }

  /** Whether `close` was called; new calls reject then. */
  get closing(): boolean {
    return this.#closing !== null;
  }

  /** Tells how the connection ended before any open call rejects for that; at once where it has ended. */
  onEnd(listener: (end: ConnectionEnd) => void): void {
    if (this.#end === null) this.#endListeners.push(listener);
    else listener(this.#end);
  }

  /** The call that the daemon is at, where that was cancelled: it cannot be interrupted, and what comes next waits. */
  get cancelledCall(): CancelledCall | null {
    const call = this.#queue.abandoned;
    return call === null ? null : cancelledCall(call);
  }

  /** What a call rejects with while the daemon's machine stands still; null while it runs. */
  get stalled(): GuestfsError | null {
    return this.#stall?.failure({}) ?? null;
  }

  /**
   * The daemon's machine stands still: open calls reject with the reason, and what the daemon answers to them later is
   * dropped. A call that is made from now on waits, unsent, and has the machine try again.
   */
  stall(stall: Stall): void {
    if (this.#end !== null || this.#losing) return;
    this.#stall = stall;
    for (const call of this.#queue.halt()) {
      call.fail(stall.failure({ ...call.where(), serial: call.serial === 0 ? undefined : call.serial }));
    }
  }

  /** The daemon's machine runs again. Calls are sent once those that were rejected meanwhile have been answered. */
  proceed(): void {
    if (this.#stall === null || this.#end !== null || this.#losing) return;
    this.#stall = null;
    this.#queue.proceed();
  }

  /** Has somebody who knows more than the transport tell, within some seconds, why it ended: calls reject with that. */
  explainLossBy(explain: () => Promise<Error>): void {
    this.#explainLoss = explain;
  }

  /**
   * Calls a procedure with its arguments in order and its optional ones by name.
   *
   * One that takes a file needs `source`, one that gives a file needs `sink` (without it: ERR_GUESTFS_NO_TARGET). The
   * arguments are encoded at once, so they may change afterwards.
   */
  call<Result>(
    procedure: Procedure<Result>,
    args: readonly unknown[] = [],
    optargs?: OptionalArguments,
    options?: ConnectionCallOptions,
  ): Operation<Result> {
    const call = new PendingCall<Result>(procedure, args, optargs, this.#options.onProgress);
    const issued = call as PendingCall;
    if (options?.signal?.aborted === true) this.#remember(issued);
    const operation = new Operation<Result>(call);
    call.listen(options);
    if (call.settled) return operation;
    if (this.#end !== null || this.#closing !== null) {
      this.#remember(issued);
      call.reject(endedFailure(issued, this.#end?.reason ?? closedReason()));
      return operation;
    }
    try {
      call.transfer = transferOf(issued, options);
      const { idle } = this.#queue;
      this.#queue.issue(issued, options?.size ?? 0n);
      if (!idle) this.#watch?.begin();
      // Last, as looking at the stack takes time: the daemon is at work already.
      this.#remember(issued);
    } catch (error) {
      this.#remember(issued);
      call.reject(GuestfsError.is(error) ? error.withCall(issued.where()) : error);
    }
    if (!this.#losing) this.#stall?.retry();
    return operation;
  }

  /** Where a call was made; only to be called by `call`. */
  #remember(call: PendingCall): void {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- only marks a place on the stack
    this.#origins.remember(call, this.call);
  }

  /**
   * Makes a last call without arguments in a process that exits, where the event loop does not run any more.
   *
   * A transfer is given up by protocol, calls that were not sent are dropped, and the replies of the others are awaited
   * first, up to `deadline` in terms of `performance.now()`.
   */
  callSync(procedure: Procedure, deadline: number): LastCall {
    if (this.#end !== null || this.#closing !== null)
      return { failure: this.#end?.reason ?? closedReason(), dropped: [] };
    if (this.#stall !== null) return { failure: this.#stall.failure({}), dropped: [] };
    const dropped = this.#queue.giveUp(closedReason()).map(({ operation }) => operation);
    const call = new PendingCall(procedure, []);
    let outcome: { readonly error: Error | null } | null = null;
    call.observe({
      progress: () => undefined,
      end: (failed, error) => (outcome = { error: failed ? (error as Error) : null }),
    });
    this.#queue.issue(call, 0n);
    const goesOn = (): boolean => performance.now() < deadline && this.#transport.exchangeSync?.(deadline) === true;
    do this.#queue.flush();
    while (outcome === null && goesOn());
    const reached = outcome as { readonly error: Error | null } | null;
    const late = (): Error => endedFailure(call, lostReason(this.name, new Error('the daemon did not answer in time')));
    return { failure: reached === null ? late() : reached.error, dropped };
  }

  /** Calls a procedure that gives a file, to be read from the operation; it is issued when reading starts. */
  download<Result>(
    procedure: Procedure<Result>,
    args: readonly unknown[] = [],
    optargs?: OptionalArguments,
    options?: CallOptions & Pick<ConnectionCallOptions, 'countBytes'>,
  ): DownloadOperation<Result> {
    const countBytes = options?.countBytes;
    return new DownloadOperation<Result>(procedure.name, options, (sink, control) =>
      this.call(procedure, args, optargs, { ...control.callOptions, sink, countBytes }),
    );
  }

  /** Asks the daemon for a sign of life. */
  ping(options?: CallOptions): Operation<void> {
    return this.call(PING, [], undefined, options);
  }

  /**
   * Ends the connection when the calls that were issued are done; new ones reject from now on.
   *
   * Waits at most `timeout` milliseconds (default 5000) for them, and not at all for calls that were cancelled or for a
   * machine that stands still; those
   * still open then reject with ERR_GUESTFS_CLOSED.
   * Resolves when the transport is gone, also with a dead peer. Idempotent.
   */
  close(options: { timeout?: number } = {}): Promise<void> {
    this.#closing ??= holdDuring(this.#close(options.timeout ?? CLOSE_TIMEOUT));
    return this.#closing;
  }

  /** Ends the connection at once; open calls reject with the reason, or with ERR_GUESTFS_CLOSED. Idempotent. */
  destroy(reason?: Error): void {
    this.#finish(
      reason === undefined
        ? { expected: true, reason: closedReason() }
        : { expected: false, reason: lostReason(this.name, reason) },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(timeout: number): Promise<void> {
    await orNull(timeout, this.#queue.whenIdle());
    if (this.#end === null) {
      this.#queue.flush();
      // Before the transport's own end arrives: that one would look like a loss.
      const gone = this.#transport.close();
      this.#finish({ expected: true, reason: closedReason() }, false);
      await gone;
    } else {
      await this.#transport.close();
    }
  }

  #data(bytes: Buffer): void {
    if (this.#end !== null) return;
    try {
      this.#queue.data(bytes);
    } catch (error) {
      const cause = error as Error;
      this.#finish({ expected: false, reason: lostReason(this.name, cause) });
    }
  }

  /** The transport has ended by itself. Calls that are made until it is known why reject with the others. */
  async #lose(seen: Error | undefined): Promise<void> {
    if (this.#end !== null || this.#losing) return;
    let cause = seen;
    if (this.#explainLoss !== null) {
      this.#losing = true;
      this.#queue.hold();
      cause = await holdDuring(this.#explainLoss());
    }
    this.#finish({ expected: false, reason: lostReason(this.name, cause) });
  }

  /** The one way in which a connection ends, whatever the cause; only the first time counts. */
  #finish(end: ConnectionEnd, destroyTransport = true): void {
    if (this.#end !== null) return;
    this.#end = end;
    if (destroyTransport) this.#transport.destroy(end.expected ? undefined : end.reason);
    this.#watch?.end();
    for (const listener of this.#endListeners.splice(0)) listener(end);
    for (const call of this.#queue.end()) call.reject(endedFailure(call, end.reason));
    this.#resolveClosed(end);
  }
}
