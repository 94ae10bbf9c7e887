import { getSystemErrorMap } from 'node:util';
import { GuestfsError } from '@guestfs/core';

/** What failed, for the error's fields. */
export interface Attempt {
  /** The system call that node:fs would name: `open`, `scandir`. */
  readonly syscall: string;
  readonly path?: string | undefined;
  readonly dest?: string | undefined;
}

const knownErrors = new Map([...getSystemErrorMap()].map(([errno, [code, text]]) => [code, { errno, text }]));

/** Texts of the C library at the end of what a program in the guest printed, for functions that run one. */
const PRINTED: readonly (readonly [text: string, code: string])[] = [
  ['No such file or directory', 'ENOENT'],
  ['File exists', 'EEXIST'],
  ['Not a directory', 'ENOTDIR'],
  ['Is a directory', 'EISDIR'],
  ['Directory not empty', 'ENOTEMPTY'],
  ['No space left on device', 'ENOSPC'],
  ['Read-only file system', 'EROFS'],
  ['Permission denied', 'EACCES'],
  ['Operation not permitted', 'EPERM'],
  ['Too many levels of symbolic links', 'ELOOP'],
  ['File name too long', 'ENAMETOOLONG'],
  ['Device or resource busy', 'EBUSY'],
];

/**
 * Turns a failure of the guest into an error as node:fs gives it: `code`, a negative `errno`, `syscall`, `path`, `dest`,
 * and a message in Node's words. The GuestfsError is its `cause`. A failure that is no errno stays what it is.
 */
export function nodeError(error: unknown, attempt: Attempt): unknown {
  if (!GuestfsError.is(error)) return error;
  if (error.code === 'ERR_GUESTFS_CANCELLED') return abortError(error);
  const code = knownErrors.has(error.code) ? error.code : printedCode(error);
  return code === undefined ? error : makeError(code, attempt, error);
}

/** An error of our own with an errno's name. */
export function makeError(code: string, { syscall, path, dest }: Attempt, cause?: unknown): NodeJS.ErrnoException {
  const known = knownErrors.get(code);
  const to = dest === undefined ? '' : ` -> '${dest}'`;
  const where = path === undefined ? syscall : `${syscall} '${path}'${to}`;
  const message = `${code}: ${known?.text ?? 'unknown error'}, ${where}`;
  const error: NodeJS.ErrnoException = new Error(message, cause === undefined ? undefined : { cause });
  if (cause instanceof Error) showCaller(error, cause);
  return Object.assign(error, {
    ...(known === undefined ? {} : { errno: known.errno }),
    code,
    syscall,
    ...(path === undefined ? {} : { path }),
    ...(dest === undefined ? {} : { dest }),
  });
}

/** Runs `work`; what it rejects with is turned into an error as node:fs gives it. */
export async function attempt<T>(what: Attempt, work: () => Promise<T>): Promise<T> {
  if (what.path === '' || what.dest === '') throw makeError('ENOENT', what);
  try {
    return await work();
  } catch (error) {
    throw nodeError(error, what);
  }
}

/** The code of an error with one. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

function printedCode(error: GuestfsError): string | undefined {
  if (error.code !== 'ERR_GUESTFS_DAEMON') return undefined;
  const said = error.reason.toLowerCase();
  return PRINTED.find(([text]) => said.includes(text.toLowerCase()))?.[1];
}

function abortError(cause: GuestfsError): Error {
  const error = new Error('The operation was aborted', { cause: cause.cause });
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}

/** The handle's error was made where the call was; ours only where its answer came. */
function showCaller(error: Error, cause: Error): void {
  const frames = /\n\s+at [\s\S]*$/.exec(cause.stack ?? '')?.[0];
  if (frames === undefined) return;
  Object.defineProperty(error, 'stack', {
    value: `Error: ${error.message}${frames}`,
    configurable: true,
    writable: true,
  });
}
