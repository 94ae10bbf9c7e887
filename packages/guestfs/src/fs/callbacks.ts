import { promisify } from 'node:util';

type AnyFunction = (...args: never[]) => Promise<unknown>;

/** Lets every function also be called with a callback. */
export function withCallbacks<Functions extends object>(functions: Functions): Functions {
  const entries = Object.entries(functions).map(([name, work]) => [name, withCallback(work as AnyFunction)]);
  return Object.fromEntries(entries) as Functions;
}

/** Lets a function that gives a promise also be called with a callback as its last argument, as node:fs has it. */
function withCallback<F extends AnyFunction>(work: F): F {
  const both = (...args: unknown[]): unknown => {
    const last = args[args.length - 1];
    const call = work as unknown as (...args: unknown[]) => Promise<unknown>;
    if (typeof last !== 'function') return call(...args);
    const callback = last as (error: unknown, value?: unknown) => void;
    // Outside the promise, so that what the callback throws is the program's own exception.
    call(...args.slice(0, -1)).then(
      (value) => process.nextTick(callback, null, value),
      (error: unknown) => process.nextTick(callback, error),
    );
    return undefined;
  };
  return both as unknown as F;
}

/** The same for `exists`, whose callback has the answer as its first argument, and whose failures are a no. */
export function withAnswer<F extends (...args: never[]) => Promise<boolean>>(work: F): F {
  const both = (...args: unknown[]): unknown => {
    const last = args[args.length - 1];
    const call = work as unknown as (...args: unknown[]) => Promise<boolean>;
    if (typeof last !== 'function') return call(...args);
    const callback = last as (answer: boolean) => void;
    call(...args.slice(0, -1)).then(
      (answer) => process.nextTick(callback, answer),
      () => process.nextTick(callback, false),
    );
    return undefined;
  };
  Object.defineProperty(both, promisify.custom, { value: work });
  return both as unknown as F;
}
