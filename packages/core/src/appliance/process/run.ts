import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { execa, type Subprocess } from 'execa';
import { onAbort } from '@guestfs/events/internal';
import { withPath } from './find-program.js';
import { showCommand } from './show-command.js';
import { codeOf } from '../host/system-error.js';

export interface CommandOptions {
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** Milliseconds until the command is killed. */
  readonly timeout?: number;
  /** In a session of its own, so without this process's terminal: it cannot ask anything there. */
  readonly detached?: boolean;
  /** Told of the command, and at its end of how it ended and how long it took. */
  readonly log?: ((line: string) => void) | undefined;
}

export interface CommandResult {
  /** Null when the command did not start or ended by a signal. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout and stderr as they came. */
  readonly output: string;
  readonly timedOut: boolean;
  /** Null when all went well; else for people: `exited with status 1`, `was killed by SIGTERM`. */
  readonly failure: string | null;
  /** The errno's name where the command could not be started: ENOENT, EACCES. */
  readonly startError: string | null;
}

/** Runs a command to its end without a shell and without input. Never rejects: what went wrong is in the result. */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const logEnd = logCommand(options.log, file, args);
  // It listens to its signal by itself, and one signal may serve many commands.
  const stop = new AbortController();
  const { signal } = options;
  const withdraw = signal && onAbort(signal, () => stop.abort(signal.reason));
  const child = execa(file, args, {
    reject: false,
    all: true,
    stdin: 'ignore',
    stripFinalNewline: false,
    extendEnv: false,
    env: withPath({ ...process.env, ...options.env }),
    maxBuffer: MAX_OUTPUT,
    killSignal: 'SIGKILL',
    ...(signal === undefined ? {} : { cancelSignal: stop.signal }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
  });
  // Resolves before `child` does where a child of the command holds its output open: that is cut off, then.
  const ended = endOf(child);
  const result = await child;
  withdraw?.();
  const { exitCode, description } = await ended;
  logEnd(description);
  const startError = child.pid === undefined ? (result.code ?? 'unknown') : null;
  const trouble = result.timedOut ? 'did not end in time' : result.isMaxBuffer ? 'wrote too much' : null;
  return {
    exitCode,
    stdout: result.stdout,
    stderr: result.stderr,
    output: result.all,
    timedOut: result.timedOut,
    failure: trouble ?? (exitCode === 0 ? null : description),
    startError,
  };
}

/** The most that a command may write, in bytes. */
const MAX_OUTPUT = 16 * 1024 * 1024;

/** How a process ended. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  /** The signal that ended it; null where it ended by itself or never started. */
  readonly signal: NodeJS.Signals | null;
  /** For people: `exited with status 1`. */
  readonly description: string;
}

export interface StartedProcess {
  /** Undefined when the process could not be started; `ended` then tells why. */
  readonly pid: number | undefined;
  readonly stdin: NodeJS.WritableStream | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Resolves, never rejects. */
  readonly ended: Promise<ProcessEnd>;
  kill(signal: NodeJS.Signals): void;
}

export interface StartOptions {
  /** The whole environment of the process, but for a PATH where it has none. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: 'ignore' | 'pipe';
  readonly output: 'pipe' | 'ignore';
  /** In a session and process group of its own: a Ctrl-C at the terminal does not reach it. */
  readonly detached: boolean;
  /** Told of the command, and at its end of how it ended and how long it ran. */
  readonly log?: ((line: string) => void) | undefined;
}

/**
 * Starts a process that runs beside this one, without a shell, and does not keep it alive: whoever awaits something of it
 * does (`holdDuring`). Ending it is the caller's duty.
 */
export function startProcess(file: string, args: readonly string[], options: StartOptions): StartedProcess {
  const logEnd = logCommand(options.log, file, args);
  const child = execa(file, args, {
    reject: false,
    buffer: false,
    cleanup: false,
    // How long it may take to end is for the caller to say.
    forceKillAfterDelay: false,
    extendEnv: false,
    env: withPath(options.env),
    stdin: options.stdin,
    stdout: options.output,
    stderr: options.output,
    detached: options.detached,
  });
  // What goes wrong is told by `ended`.
  void child.catch(() => undefined);
  child.unref();
  for (const pipe of [child.stdin, child.stdout, child.stderr]) (pipe as Socket | null)?.unref();
  const ended = endOf(child);
  if (options.log !== undefined) void ended.then(({ description }) => logEnd(description));
  return {
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    kill: (signal) => void child.kill(signal),
  };
}

/** Logs a command that starts; the function given back logs its end and its time. */
export function logCommand(
  log: ((line: string) => void) | undefined,
  file: string,
  args: readonly string[],
): (end: string) => void {
  log?.(`run ${showCommand([file, ...args])}`);
  const started = performance.now();
  return (end) => log?.(`${file} ${end} after ${((performance.now() - started) / 1000).toFixed(3)} s`);
}

/** How long output may still come after a process ended, in milliseconds: its own children may hold the pipe for ever. */
const DRAIN_LIMIT = 500;

type StartedChild = Pick<Subprocess, 'pid' | 'once' | 'stdout' | 'stderr'> &
  Promise<{ readonly code?: string | undefined }>;

function endOf(child: StartedChild): Promise<ProcessEnd> {
  if (child.pid === undefined) return neverStarted(child);
  return new Promise((resolve) => {
    child.once('exit', (exitCode, signal) => {
      const done = (): void => {
        clearTimeout(timer);
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve({
          exitCode,
          signal,
          description: signal === null ? `exited with status ${exitCode}` : `was killed by ${signal}`,
        });
      };
      const timer = setTimeout(done, DRAIN_LIMIT);
      child.once('close', done);
    });
  });
}

async function neverStarted(child: StartedChild): Promise<ProcessEnd> {
  const error: unknown = await child.catch((reason: unknown) => reason);
  return {
    exitCode: null,
    signal: null,
    description: `could not be started (${codeOf(error) ?? 'invalid arguments'})`,
  };
}
