import { makeProgress } from '@guestfs/events';
import type { Progress } from '@guestfs/events';
import { GuestfsError } from '../errors.js';
import { OperationControl, type CallOptions } from './control.js';

/** How far a function of the library is; what is left out is taken from the operation. */
export type RunProgress = Pick<Progress, 'position' | 'total'> & Partial<Progress>;

/** What a task of `Operation.run` is given. */
export class RunControl<T = unknown> extends OperationControl<T> {
  readonly #showArguments: (() => string) | undefined;
  #handlers: ((reason: GuestfsError) => void)[] | null = null;
  #callOptions: CallOptions | null = null;

  constructor(operation: string, showArguments?: () => string) {
    super(operation);
    this.#showArguments = showArguments;
  }

  /** What to pass to a call inside: it is cancelled with this operation, and its progress is this operation's. */
  get callOptions(): CallOptions {
    return (this.#callOptions ??= { signal: this.signal, onProgress: (progress) => this.progress(progress) });
  }

  protected override get shownArguments(): string | undefined {
    return this.#showArguments?.();
  }

  /** An error of this function, or of a call inside that bears its name, tells the arguments that the user gave. */
  override reject(error: unknown): void {
    const { operation, shownArguments } = this;
    if (!this.settled && shownArguments !== undefined && GuestfsError.is(error)) {
      if (error.operation === undefined || error.operation === operation)
        error.withCall({ operation, args: shownArguments });
    }
    super.reject(error);
  }

  /** Calls `handler` when the operation is cancelled, at once if it was; returns what takes it away again. */
  onCancel(handler: (error: GuestfsError) => void): () => void {
    if (this.cancellation !== null) handler(this.cancellation);
    else (this.#handlers ??= []).push(handler);
    return () => {
      this.#handlers = this.#handlers?.filter((other) => other !== handler) ?? null;
    };
  }

  /** Reports progress: a whole message of a call inside, or just position and total. */
  override progress(progress: RunProgress): void {
    const { operation } = this;
    if (isWhole(progress)) super.progress({ ...progress, operation });
    else super.progress(makeProgress({ operation, proc: 0, serial: 0, ...progress }));
  }

  start(task: (control: RunControl) => T | PromiseLike<T>): void {
    if (this.cancellation !== null) {
      this.reject(this.cancellation);
      return;
    }
    let result: T | PromiseLike<T>;
    try {
      result = task(this as RunControl);
    } catch (error) {
      this.reject(this.cancellation ?? error);
      return;
    }
    Promise.resolve(result).then(
      (value) => this.resolve(value),
      (error: unknown) => this.reject(this.cancellation ?? error),
    );
  }

  protected override onCancelled(error: GuestfsError): void {
    const handlers = this.#handlers;
    this.#handlers = null;
    handlers?.forEach((handler) => handler(error));
  }
}

function isWhole(progress: RunProgress): progress is Progress {
  return progress.fraction !== undefined && progress.done !== undefined;
}
