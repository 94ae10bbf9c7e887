import { readFileSync, rmSync } from 'node:fs';
import { onExit } from 'signal-exit';

/** Something that must not outlive this process, or that must come to its end with it. All parts are optional. */
export interface Live {
  /** A process to end. */
  readonly pid?: number | undefined;
  /** Folders to remove once the processes have ended. */
  readonly folders?: readonly string[] | undefined;
  /** Ends it in order. Called when the process has nothing left to do and would end by itself; it may take its time. */
  readonly close?: (() => Promise<void>) | undefined;
  /** Writes what is pending. Called when the process was told to end by a signal, and waited for a short time only. */
  readonly flush?: (() => Promise<void>) | undefined;
  /** The same without the event loop, for a process that exits; to return at a deadline of `performance.now()`. */
  readonly flushSync?: ((deadline: number) => void) | undefined;
  /** The processes have ended, and so does this one. */
  readonly ended?: (() => void) | undefined;
}

/** How long all flushes together may delay the end of this process, in milliseconds. */
const FLUSH_LIMIT = 5000;
/** How long qemu may then take to write its caches back, in milliseconds. */
const EXIT_GRACE = 5000;

const live = new Set<Live>();
let hooked = false;

/**
 * Has something ended when this process ends: when nothing is left to do, when it exits, and when it dies of a signal.
 *
 * A signal for which the program has its own handler is left to that handler. Otherwise all is flushed and ended, and the
 * signal is raised again, so that the process dies of it as it would have.
 */
export function registerLive(entry: Live): () => void {
  live.add(entry);
  if (!hooked) {
    hooked = true;
    // They stay: without anything to end they change nothing.
    onExit(beforeEnd, { alwaysLast: true });
    process.on('beforeExit', closeAll);
  }
  return () => void live.delete(entry);
}

function closeAll(): void {
  for (const { close } of [...live]) void close?.();
}

function beforeEnd(_code: number | null | undefined, signal: NodeJS.Signals | null): true | undefined {
  const flushes = [...live].flatMap(({ flush }) => flush ?? []);
  if (signal !== null && flushes.length > 0) {
    void dieAfterFlush(flushes, signal);
    return true;
  }
  const deadline = performance.now() + FLUSH_LIMIT;
  for (const { flushSync } of live) flushSync?.(deadline);
  endAllNow();
  return undefined;
}

async function dieAfterFlush(flushes: readonly (() => Promise<void>)[], signal: NodeJS.Signals): Promise<void> {
  const limit = new Promise((resolve) => setTimeout(resolve, FLUSH_LIMIT));
  await Promise.race([limit, Promise.allSettled(flushes.map(async (flush) => flush()))]);
  endAllNow();
  process.kill(process.pid, signal);
}

/** Ends everything without going back to the event loop, which does not run any more when a process exits. */
function endAllNow(): void {
  const deadline = performance.now() + EXIT_GRACE;
  for (const { pid } of live) if (pid !== undefined) signalQuietly(pid, 'SIGTERM');
  for (const { pid, folders } of live) {
    while (pid !== undefined && isRunning(pid) && performance.now() < deadline) sleepSync(10);
    if (pid !== undefined) signalQuietly(pid, 'SIGKILL');
    folders?.forEach(removeQuietly);
  }
  // What was begun last ends first.
  for (const { ended } of [...live].reverse()) ended?.();
  live.clear();
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
  }
}

function removeQuietly(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // The watcher tries again.
  }
}

/** Whether a child runs; one that is gone stays a zombie until the event loop runs again, which here it does not. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}

function sleepSync(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
