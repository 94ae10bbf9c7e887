import type { CallOptions, OperationControl } from './control.js';
import { iterateProgress } from './progress-iterator.js';
import type { ProgressIterator, ProgressOptions, ProgressSource } from './progress-iterator.js';
import { RunControl } from './run.js';

/** What an operation needs of its control; not the result's type, so that an operation of a subtype fits. */
interface Handle extends ProgressSource {
  readonly operation: string;
  cancel(reason?: unknown): void;
}

/**
 * A call that runs: a promise of its result that can also be watched and cancelled.
 *
 * `then`, `catch` and `finally` give plain promises.
 */
export class Operation<T> extends Promise<T> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  readonly #control: Handle;

  /** Made by the library; `Operation.run` is the way to make one of several calls. */
  constructor(control: OperationControl<T>) {
    let resolve!: (value: T | PromiseLike<T>) => void;
    let reject!: (error: unknown) => void;
    super((whenDone, whenFailed) => {
      resolve = whenDone;
      reject = whenFailed;
    });
    this.#control = control;
    control.attach(resolve, reject);
  }

  /**
   * Runs a function of the library that is made of several steps as one operation.
   *
   * A signal that is aborted already rejects without running it. When the operation is cancelled, the control's `signal`
   * is aborted, and the operation settles once `task` has: with ERR_GUESTFS_CANCELLED if it threw, whatever it threw.
   * Errors show what `showArguments` gives.
   */
  static run<T>(
    operation: string,
    options: CallOptions | undefined,
    task: (control: RunControl) => T | PromiseLike<T>,
    showArguments?: () => string,
  ): Operation<T> {
    const control = new RunControl<T>(operation, showArguments);
    // eslint-disable-next-line @typescript-eslint/unbound-method -- only marks a place on the stack
    control.captureOrigin(Operation.run);
    const running = new Operation<T>(control);
    control.listen(options);
    control.start(task);
    return running;
  }

  /** The function's method name. */
  get operation(): string {
    return this.#control.operation;
  }

  /**
   * Iterates over the progress of this call: it ends when the call ends, and throws what the call rejects with.
   *
   * Only the newest unread message is kept. It has one consumer; ask for one iterator per consumer. Once this was called,
   * the rejection need not be handled on the promise too.
   */
  progress(options?: ProgressOptions): ProgressIterator {
    this.markHandled();
    return iterateProgress(this.#control, options);
  }

  /**
   * Cancels the call: it rejects with ERR_GUESTFS_CANCELLED, `reason` being the cause. After its end it does nothing.
   *
   * The rejection need not be handled then.
   */
  cancel(reason?: unknown): void {
    this.markHandled();
    this.#control.cancel(reason);
  }

  /** Keeps a rejection that is told elsewhere from being reported as unhandled. */
  protected markHandled(): void {
    super.then(undefined, () => undefined);
  }

  override get [Symbol.toStringTag](): string {
    return 'Operation';
  }
}

// `await` takes a promise whose constructor is Promise as it is, and makes another one of any other.
void Object.defineProperty(Operation.prototype, 'constructor', { value: Promise, configurable: true, writable: true });
