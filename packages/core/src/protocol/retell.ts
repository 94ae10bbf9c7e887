import type { GuestfsError } from './errors.js';

/**
 * Has an error tell another call than it was made for: a function made of several calls tells what its user called.
 *
 * What its message says went wrong, and its stack, stay.
 */
export function retell(error: GuestfsError, operation: string, args: string): void {
  const { message, stack } = error;
  const where = error.operation === undefined ? '' : `${error.operation}${error.args ?? ''}: `;
  const told = `${operation}${args}: ${message.startsWith(where) ? message.slice(where.length) : message}`;
  Object.assign(error, { operation, args, message: told });
  if (stack !== undefined) Object.assign(error, { stack: stack.replace(message, () => told) });
}
