import { onAbort } from '@guestfs/events/internal';
import type { Progress } from '@guestfs/events';
import { GuestfsError } from '../errors.js';
import { located, showOrigin, type Origin } from './located.js';

/** Told of a call's progress and end; nothing is told after `end`. */
export interface ProgressObserver {
  progress(progress: Progress): void;
  end(failed: boolean, error: unknown): void;
}

/** What every call takes besides its arguments. */
export interface CallOptions {
  /** Cancels the call when it is aborted; its reason becomes the `cause` of the rejection. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Told of each progress message, before the call's promise settles. If it throws, the call is cancelled, and what it
   * threw is the `cause`.
   */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * The working side of an {@link Operation}: settles it once, passes progress on, and receives its cancelling.
 *
 * Made for each call, so it stays cheap: no AbortController, no listener and no array until somebody asks for one.
 */
export class OperationControl<T = unknown> {
  /** The function's method name. */
  readonly operation: string;
  #resolve: ((value: T | PromiseLike<never>) => void) | null = null;
  #reject: ((error: unknown) => void) | null = null;
  #settled = false;
  #cancellation: GuestfsError | null = null;
  #onProgress: ((progress: Progress) => void) | undefined;
  #observers: ProgressObserver[] | null = null;
  #last: Progress | null = null;
  #failed = false;
  #error: unknown;
  #withdraw: (() => void) | null = null;
  #controller: AbortController | null = null;
  /** Where the call was made; its stack is formatted only when an error needs it. */
  #origin: Origin | null = null;
  #unlocated = false;

  constructor(operation: string) {
    this.operation = operation;
  }

  /** The call's arguments for errors, where they are known. */
  protected get shownArguments(): string | undefined {
    return undefined;
  }

  /** Takes the promise's two functions; called by the Operation, once. */
  attach(resolve: (value: T | PromiseLike<never>) => void, reject: (error: unknown) => void): void {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Remembers the caller's line for errors; `below` and what it called are left out. Returns what it remembered. */
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- a constructor, too
  captureOrigin(below: Function): Origin {
    const origin: Origin = {};
    Error.captureStackTrace(origin, below);
    this.#origin = origin;
    return origin;
  }

  /** Takes the line of another call for this one's; null leaves it to be found when the call fails. */
  shareOrigin(origin: Origin | null): void {
    this.#origin = origin;
    this.#unlocated = origin === null;
  }

  /** Obeys the options; to be called when the call can be cancelled, as an aborted signal does so at once. */
  listen(options: CallOptions | undefined): void {
    if (options === undefined) return;
    this.#onProgress = options.onProgress;
    const { signal } = options;
    if (signal === undefined) return;
    if (signal.aborted) {
      this.cancel(signal.reason);
      return;
    }
    this.#withdraw = onAbort(signal, () => this.cancel(signal.reason));
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** The rejection of a call that was cancelled, null for others. */
  get cancellation(): GuestfsError | null {
    return this.#cancellation;
  }

  /** Whether anybody listens: where not, progress need not be worked out. */
  get wantsProgress(): boolean {
    return this.#onProgress !== undefined || this.#observers !== null;
  }

  /** Aborted when the call is cancelled; made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#cancellation !== null) this.#controller.abort(this.#cancellation);
    }
    return this.#controller.signal;
  }

  throwIfCancelled(): void {
    if (this.#cancellation !== null) throw this.#cancellation;
  }

  resolve(value: T): void {
    if (this.#settled) return;
    this.#finish(false, undefined);
    this.#resolve?.(value);
  }

  reject(error: unknown): void {
    if (this.#settled) return;
    showOrigin(error, this.#origin?.stack);
    this.#finish(true, error);
    if (this.#unlocated) this.#resolve?.(located(error));
    else this.#reject?.(error);
  }

  /** Cancels the call, once: later and after the end it does nothing. */
  cancel(reason?: unknown): void {
    if (this.#settled || this.#cancellation !== null) return;
    const error = new GuestfsError('ERR_GUESTFS_CANCELLED', 'the call was cancelled', {
      operation: this.operation,
      args: this.shownArguments,
      cause: reason,
    });
    this.#cancellation = error;
    showOrigin(error, this.#origin?.stack);
    this.#controller?.abort(error);
    this.onCancelled(error);
  }

  /** What cancelling does; here the promise rejects at once. */
  protected onCancelled(error: GuestfsError): void {
    this.reject(error);
  }

  progress(progress: Progress): void {
    if (this.#settled) return;
    this.#last = progress;
    this.#observers?.forEach((observer) => observer.progress(progress));
    try {
      this.#onProgress?.(progress);
    } catch (error) {
      this.cancel(error);
    }
  }

  /** Adds an observer; it is told of the newest message so far, and of the end when that has been. */
  observe(observer: ProgressObserver): void {
    if (this.#last !== null) observer.progress(this.#last);
    if (this.#settled) observer.end(this.#failed, this.#error);
    else (this.#observers ??= []).push(observer);
  }

  unobserve(observer: ProgressObserver): void {
    if (this.#observers === null) return;
    const rest = this.#observers.filter((other) => other !== observer);
    this.#observers = rest.length === 0 ? null : rest;
  }

  #finish(failed: boolean, error: unknown): void {
    this.#settled = true;
    this.#failed = failed;
    this.#error = error;
    this.#withdraw?.();
    this.#withdraw = null;
    const observers = this.#observers;
    this.#observers = null;
    observers?.forEach((observer) => observer.end(failed, error));
    this.#origin = null;
  }
}
