import { readdir, readFile } from 'node:fs/promises';
import { pause } from '../../../waiting/give-up.js';
import { HostBusyError } from './fault.js';

/** A restored machine that is alive answers within milliseconds; this many are waited for its first word. */
const SILENCE_LIMIT = 2000;
/** The most that is waited on a host that is too busy to let qemu run, in milliseconds. */
export const BUSY_LIMIT = 30_000;
/** How often a silent machine is looked at, in milliseconds. */
const STEP = 100;

/**
 * Waits for a restored machine's sign of life. Rejects with an error when it stays silent though the host lets it run (a
 * state that loaded and then hangs), and with {@link HostBusyError} when the host did not let it run.
 */
export async function waitUntilAlive(sign: Promise<unknown>, pid: number | null): Promise<void> {
  // It may come before anyone waits for it.
  sign.catch(() => undefined);
  const begin = performance.now();
  const waitedBefore = await waitedForProcessor(pid);
  let blocked = 0;
  const done = new AbortController();
  const silent = (async () => {
    for (let last = begin; ;) {
      await pause(STEP, { signal: done.signal });
      const now = performance.now();
      if (await waitsForStorage(pid)) blocked += now - last;
      last = now;
      const elapsed = now - begin;
      const waited = (await waitedForProcessor(pid)) - waitedBefore + blocked;
      const what = `the restored machine gave no sign of life within ${Math.round(elapsed)} ms`;
      if (elapsed - waited > SILENCE_LIMIT) throw new Error(what);
      if (elapsed > BUSY_LIMIT) throw new HostBusyError(what);
    }
  })();
  silent.catch(() => undefined);
  try {
    await Promise.race([sign, silent]);
  } finally {
    done.abort();
  }
}

/** How long the threads of a process could have run and were not let, in milliseconds: the longest of them. */
async function waitedForProcessor(pid: number | null): Promise<number> {
  const texts = await ofThreads(pid, 'schedstat');
  return Math.max(0, ...texts.map((text) => Number(text.split(' ')[1] ?? 0) / 1e6));
}

/** Whether a thread of a process is held up in the kernel: its memory or a file comes from a disk that is busy. */
async function waitsForStorage(pid: number | null): Promise<boolean> {
  // The state comes after the name, which may hold anything.
  return (await ofThreads(pid, 'stat')).some((text) => /\) D [^)]*$/.test(text));
}

/** What /proc tells of each thread of a process; nothing where it is gone. */
async function ofThreads(pid: number | null, file: string): Promise<string[]> {
  if (pid === null) return [];
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  return Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/${file}`, 'latin1').catch(() => '')),
  );
}
