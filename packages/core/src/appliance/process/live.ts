import { readFileSync, rmSync } from 'node:fs';
import { onExit } from 'signal-exit';

/** A machine that must not outlive this process. */
export interface LiveMachine {
  /** Undefined while none runs. */
  readonly pid: number | undefined;
  readonly folder: string;
  /** Writes what is pending; called when this process was told to end, and waited for a short time only. */
  readonly flush?: (() => Promise<void>) | undefined;
}

/** How long a flush may delay the death by a signal, in milliseconds. */
const FLUSH_LIMIT = 3000;
/** How long qemu may take to write its caches back when this process exits, in milliseconds. */
const EXIT_GRACE = 1000;

const live = new Set<LiveMachine>();
let removeHook: (() => void) | null = null;

/**
 * Has a machine ended and its folder removed when this process exits or dies of a signal.
 *
 * A signal for which the program has its own handler is left to that handler. Otherwise the machines are flushed, ended,
 * and the signal is raised again, so that the process dies of it as it would have.
 */
export function registerLive(machine: LiveMachine): () => void {
  live.add(machine);
  removeHook ??= onExit(beforeExit, { alwaysLast: true });
  return () => {
    live.delete(machine);
    if (live.size > 0) return;
    removeHook?.();
    removeHook = null;
  };
}

function beforeExit(_code: number | null | undefined, signal: NodeJS.Signals | null): true | undefined {
  const flushes = [...live].flatMap(({ flush }) => (flush === undefined ? [] : [flush]));
  if (signal !== null && flushes.length > 0) {
    removeHook = null;
    void dieAfterFlush(flushes, signal);
    return true;
  }
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
  const deadline = Date.now() + EXIT_GRACE;
  for (const { pid } of live) if (pid !== undefined) signalQuietly(pid, 'SIGTERM');
  for (const { pid, folder } of live) {
    while (pid !== undefined && isRunning(pid) && Date.now() < deadline) sleepSync(10);
    if (pid !== undefined) signalQuietly(pid, 'SIGKILL');
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // The watcher tries again.
    }
  }
  live.clear();
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
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
