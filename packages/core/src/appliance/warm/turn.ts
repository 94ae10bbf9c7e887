import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { onAbort } from '@guestfs/events/internal';
import { pause } from '../../waiting/give-up.js';
import { openCacheFolder } from '../host/folders.js';
import type { BoundContext } from '../boot/launch-deadline.js';
import { FileLock, hasWaiter } from '../process/file-lock.js';
import type { TemplateStore } from './template/store.js';

/** A place among the machines that boot; somebody else takes it when it is released. */
export interface Turn {
  /** Whether others wait, in whatever process. */
  isCrowded(): Promise<boolean>;
  release(): void;
}

/** How often to look whether the template is there, in milliseconds. */
const LOOK_STEP = 250;
/** The most that is waited, in milliseconds: a machine that boots may hang. */
const LONGEST = 120_000;
/** The most places that one launch waits for. */
const WAITED_FOR = 4;

/**
 * Waits until a machine may boot where a template is wanted that is not there yet: no more of them side by side than there
 * are processors, in all processes that share the cache folder. Null when the template is there before that.
 *
 * A launch that finds no place waits for what comes sooner: that, or the template, which the first that booted makes. Who
 * waits for too long boots all the same.
 */
export async function waitForTurn(
  key: string,
  store: TemplateStore,
  { cachedir, context }: { readonly cachedir: string; readonly context: BoundContext },
): Promise<Turn | null> {
  const folder = await openCacheFolder(cachedir);
  const files = Array.from({ length: availableParallelism() }, (_, index) => join(folder, `boot-${index}.lock`));
  const what = 'boots an appliance';
  for (const file of files) {
    const lock = await FileLock.tryTake(file, { what });
    if (lock !== null) return turnWith(lock, files, key, store);
  }
  context.log(
    `warm start: ${files.length} appliance${files.length === 1 ? ' boots' : 's boot'} already or their templates are made: waiting for one of them, or for the template ${key}`,
  );
  context.deadline.waitFor(`other launches to boot, or to make the template ${key}`);
  return firstOf(files, key, store, context);
}

async function firstOf(
  files: readonly string[],
  key: string,
  store: TemplateStore,
  context: BoundContext,
): Promise<Turn | null> {
  const stop = new AbortController();
  const withdraw = onAbort(context.signal, () => stop.abort(context.signal.reason));
  const { signal } = stop;
  const locks = someOf(files).map((file) =>
    FileLock.take(file, { what: 'boots an appliance', signal, log: () => undefined }),
  );
  const limit = Math.min(LONGEST, context.deadline.left / 2);
  let first: FileLock | 'template' | 'late' | null = null;
  try {
    first = await Promise.race([...locks, templateOrLate(key, store, limit, signal)]);
  } finally {
    withdraw();
    if (!signal.aborted) stop.abort(new Error('not waited for any more'));
    // Others may come at the same moment.
    for (const lock of locks) {
      lock.then(
        (taken) => taken !== first && taken.release(),
        () => undefined,
      );
    }
  }
  if (first === 'template') return null;
  if (first !== 'late') return turnWith(first, files, key, store);
  context.log(`warm start: waited ${Math.round(limit / 1000)} s in vain, booting`);
  return { isCrowded: async () => true, release: () => undefined };
}

/** A few of them: each that is waited for costs a small process. */
function someOf(files: readonly string[]): readonly string[] {
  const start = Math.floor(Math.random() * files.length);
  return [...files.slice(start), ...files.slice(0, start)].slice(0, WAITED_FOR);
}

async function templateOrLate(
  key: string,
  store: TemplateStore,
  limit: number,
  signal: AbortSignal,
): Promise<'template' | 'late'> {
  const end = performance.now() + limit;
  while (performance.now() < end) {
    if (await store.has(key)) return 'template';
    await pause(LOOK_STEP, { signal });
  }
  return 'late';
}

/** Null where the template came with the turn. */
async function turnWith(
  lock: FileLock,
  files: readonly string[],
  key: string,
  store: TemplateStore,
): Promise<Turn | null> {
  if (await store.has(key)) {
    lock.release();
    return null;
  }
  return { isCrowded: () => hasWaiter(files), release: () => lock.release() };
}
