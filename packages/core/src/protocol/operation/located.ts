import { GuestfsError } from '../errors.js';

/** Where a call was made; its stack is formatted only when an error needs it. */
export interface Origin {
  stack?: string;
}

/** Gives an error the stack of the caller's line in place of the one of our socket handler. */
export function showOrigin(error: unknown, stack: unknown): void {
  if (typeof stack === 'string' && GuestfsError.is(error)) error.withFrames(stack);
}

/**
 * Rejects with an error of a call whose place nobody looked at; to be followed by the call's promise.
 *
 * The engine knows who awaits a promise while a reaction to it runs: the error's stack shows the line of the `await`.
 */
export function located(error: unknown): Promise<never> {
  const locate = (): never => {
    const here: Origin = {};
    Error.captureStackTrace(here, locate);
    const lines = typeof here.stack === 'string' ? here.stack.split('\n').slice(1) : [];
    const awaiting = lines.filter((line) => !line.includes('(node:internal/'));
    if (awaiting.length > 0) showOrigin(error, ['', ...awaiting].join('\n'));
    throw error;
  };
  // The second step runs once the call's promise follows this one.
  return Promise.resolve()
    .then(() => undefined)
    .then(locate);
}
