import type { RecordingSummary } from '@guestfs/attach';
import type { Backend, Connection, DriveConfig, RunControl, Session, SessionEnd } from '@guestfs/core';
import { environmentDefaults, launchGivenUp, registerLive, unlessAborted } from '@guestfs/core/appliance';
import { holdDuring, procedures } from '@guestfs/core/protocol';
import type { Environment, Settings } from '@guestfs/core/appliance';
import { createEvent } from '@guestfs/events';
import { openBackend } from './backends.js';
import { HandleEvents } from './events.js';
import { syncBeforeEnd, syncNow, unwritten } from './last-sync.js';
import { withChecks } from './launch-checks.js';
import { CallOrder } from './order.js';
import { ScratchFolder } from './scratch.js';
import { changeSettings, launchConfig } from './settings.js';
import { closedError, launchedError, notLaunchedError } from './state-errors.js';

export type HandleState = 'config' | 'launching' | 'ready' | 'closed';

/** What stands behind a `Guestfs`: settings, drives, events, the state, and the running daemon. */
export class Handle extends HandleEvents {
  readonly settings: Settings;
  /** What the settings were at first: the environment's over the built-in ones. */
  readonly defaults: Readonly<Settings>;
  readonly order = new CallOrder();
  drives: DriveConfig[] = [];
  /** Uploads and downloads that have not ended. */
  readonly transfers = new Set<{ cancel(reason?: unknown): void }>();
  /** What the daemon said of feature groups; it does not change while the daemon runs. */
  readonly features = new Map<string, number>();
  #state: HandleState = 'config';
  #session: Session | null = null;
  #connection: Connection | null = null;
  #scratch: ScratchFolder | null = null;
  /** That of a machine that was lost and may not be gone. */
  #leftScratch: ScratchFolder | null = null;
  #ended: Promise<void> = Promise.resolve();
  #launching: { abort: AbortController; settled: Promise<void> } | null = null;
  #closing: Promise<void> | null = null;
  #unregister: (() => void) | null = null;
  #recording: { wrap: (backend: Backend) => Backend; settle: (end: Promise<RecordingSummary>) => void } | null = null;
  /** The sockets of live guests, whose owners libvirt vouches for. */
  readonly #channels = new Set<string>();

  constructor(environment: Environment) {
    const defaults = environmentDefaults(environment);
    changeSettings(defaults, defaults);
    const settings = structuredClone(defaults);
    super(settings);
    this.defaults = defaults;
    this.settings = settings;
  }

  get state(): HandleState {
    return this.#state;
  }

  /** Null while no daemon answers. */
  get session(): Session | null {
    return this.#session;
  }

  /** The connection of a handle that is ready and where nothing is held; null where a call cannot be sent at once. */
  get idle(): Connection | null {
    return this.order.held ? null : this.#connection;
  }

  /** The connection, or an error that says why there is none. */
  requireConnection(operation: string): Connection {
    if (this.#connection !== null) return this.#connection;
    throw this.#state === 'closed' ? closedError(operation) : notLaunchedError(operation);
  }

  /** Throws unless the handle is neither launched nor closed. */
  requireConfig(operation: string): void {
    if (this.#state === 'config') return;
    if (this.#state === 'closed') throw closedError(operation);
    throw launchedError(operation);
  }

  /** Runs an upload or download so that `userCancel` finds it. */
  async transfer<Result>(control: RunControl, work: () => PromiseLike<Result>): Promise<Result> {
    this.transfers.add(control);
    try {
      return await work();
    } finally {
      this.transfers.delete(control);
    }
  }

  /** Has the next launch attach to the daemon of a live guest. */
  attachTo(channel: string): void {
    this.#channels.add(channel);
    this.settings.backend = `unix:${channel}`;
  }

  /** Puts a recording around the backend of the next launch that succeeds. */
  recordNext(wrap: (backend: Backend) => Backend, settle: (end: Promise<RecordingSummary>) => void): void {
    this.#recording = { wrap, settle };
  }

  requireOpen(operation: string): void {
    if (this.#closing !== null) throw closedError(operation);
  }

  addScratch(size: bigint): string {
    this.#scratch ??= new ScratchFolder(this.settings.tmpdir);
    return this.#scratch.makeDisk(size);
  }

  async launch(control: RunControl): Promise<void> {
    this.requireOpen('launch');
    this.requireConfig('launch');
    const abort = new AbortController();
    let settled!: () => void;
    this.#launching = { abort, settled: new Promise((resolve) => (settled = resolve)) };
    this.#state = 'launching';
    const stopListening = control.onCancel((error) => abort.abort(error));
    const phase = this.launchPhases(control);
    try {
      phase('start');
      // What is left of an appliance that was lost may still hold the disks.
      await unlessAborted(this.#ended, abort.signal);
      const opened = openBackend(this.settings.backend, 'launch', {
        authenticate: this.authenticate,
        isTrusted: (socket) => this.#channels.has(socket),
      });
      const backend = this.#recording?.wrap(opened) ?? opened;
      const context = this.launchContext(abort.signal, phase);
      const session = await backend.launch(launchConfig(this.settings, this.drives), context);
      if (abort.signal.aborted) {
        session.kill();
        await session.ended;
        throw launchGivenUp(abort.signal);
      }
      phase('ready');
      this.#recording = null;
      this.#begin(session);
    } catch (error) {
      throw abort.signal.aborted ? error : await withChecks(error, this.settings);
    } finally {
      stopListening();
      if (this.#state === 'launching') this.#state = 'config';
      this.#launching = null;
      settled();
    }
  }

  /** Adds drives to an appliance that runs without any; false where this one cannot take them. */
  async addDrives(drives: readonly DriveConfig[]): Promise<boolean> {
    const add = this.#session?.addDrives;
    if (add === undefined) return false;
    await holdDuring(add(drives));
    this.drives = [...drives];
    return true;
  }

  /** Ends the daemon in order; reports what the last sync said. Does nothing where none runs. */
  async shutdown(): Promise<void> {
    const session = this.#session;
    if (session === null) return this.#ended;
    let failure: unknown = null;
    session.keepRunning?.();
    try {
      const { connection } = session;
      const mayLose = this.drives.some(({ readonly }) => !readonly);
      if (this.settings.autosync && !connection.ended) await syncBeforeEnd(connection, mayLose);
    } catch (error) {
      failure = error;
    }
    failure ??= session.connection.stalled;
    await session.shutdown();
    await this.#ended;
    if (failure !== null) throw failure as Error;
  }

  /** Has the handle closed when this process ends: in order where it can, else as far as an exit allows. */
  endWithProcess(): void {
    this.#unregister = registerLive({
      close: () => this.#closeIdle(),
      flush: () => this.#sync().catch((error: unknown) => this.warn(unwritten(error))),
      flushSync: (deadline) => this.#syncNow(deadline),
      ended: () => this.#endEvents(),
    });
  }

  /** The program can reach the handle no more. */
  abandon(): void {
    if (this.#closing !== null) return;
    if (this.#session !== null) {
      this.warn('a handle was lost without close(): its disks are written out and its appliance is ended now');
    }
    void this.close();
  }

  /** Ends everything; never rejects, and does its work once. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.settings.trace) this.trace('close');
    this.#launching?.abort.abort(closedError('launch'));
    await this.#launching?.settled;
    await this.order.turn();
    await this.shutdown().catch((error: unknown) =>
      this.warn(`what was written last may be lost, for the last sync failed: ${String(error)}`),
    );
    this.#recording?.settle(Promise.reject(closedError('recordSession')));
    this.#endEvents();
    await this.#forgetDrives()?.remove();
    this.#unregister?.();
  }

  /** Closes where the program has nothing left to do: who should give or take the bytes of a transfer is gone, too. */
  #closeIdle(): Promise<void> {
    for (const transfer of this.transfers) transfer.cancel(new Error('the program has nothing left to do'));
    return this.close();
  }

  #endEvents(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.emitter.dispatch(createEvent.close());
    this.emitter.endEvents();
  }

  /** Syncs without the event loop, which does not run any more when a process exits. */
  #syncNow(deadline: number): void {
    const connection = this.#connection;
    if (!this.settings.autosync || connection === null || connection.ended || connection.closing) return;
    syncNow(connection, deadline, (line) => this.warn(line));
  }

  #begin(session: Session): void {
    this.#session = session;
    this.#connection = session.connection;
    this.#state = 'ready';
    this.emitter.dispatch(createEvent.launchDone());
    this.#ended = session.ended.then((end) => this.#end(session, end));
    // The handle can be launched again before the first call tells of the loss.
    session.connection.onEnd(({ expected }) => {
      if (!expected) this.#leave(session);
    });
  }

  /** Goes back to CONFIG. */
  #leave(session: Session): void {
    if (this.#session !== session) return;
    this.#session = null;
    this.#connection = null;
    this.features.clear();
    if (this.#state === 'ready') this.#state = 'config';
    // On close they go after the close event.
    if (this.#closing === null) this.#leftScratch = this.#forgetDrives();
  }

  async #end(session: Session, end: SessionEnd): Promise<void> {
    this.#leave(session);
    this.log(`the subprocess has gone: ${end.reason}`);
    const scratch = this.#leftScratch;
    this.#leftScratch = null;
    this.emitter.dispatch(createEvent.subprocessQuit(end));
    await scratch?.remove();
  }

  /** Returns the folder of the scratch disks, which may be removed when no machine uses them. */
  #forgetDrives(): ScratchFolder | null {
    this.drives = [];
    const scratch = this.#scratch;
    this.#scratch = null;
    return scratch;
  }

  async #sync(): Promise<void> {
    const connection = this.#connection;
    if (this.settings.autosync && connection !== null && !connection.ended) {
      await connection.call(procedures.internalAutosync);
    }
  }
}
