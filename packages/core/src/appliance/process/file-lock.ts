import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { unlessAborted } from '../../waiting/give-up.js';
import { orNull } from '../../waiting/within.js';
import { findProgram } from './find-program.js';

export interface LockOptions {
  /** What is done under the lock, for those who wait: `builds the appliance`. */
  readonly what: string;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** How long one waits before it is told for whom, in milliseconds. */
const TELL_AFTER = 200;
/** What `cat` sends back when it runs, and so has the lock. */
const SIGN = 'locked\n';

/**
 * A lock on a file against other processes, and against others of this one. The kernel ends it with the process that holds
 * it, however that dies, and it holds across containers that share the file, where process ids mean nothing.
 *
 * Node cannot lock files, util-linux's flock can: a small process that ends when its input does.
 */
export class FileLock {
  readonly #holder: ChildProcess | null;

  private constructor(holder: ChildProcess | null) {
    this.#holder = holder;
    // It goes with this process, and keeps it from nothing.
    holder?.unref();
    for (const stream of [holder?.stdin, holder?.stdout]) (stream as { unref?(): void } | null | undefined)?.unref?.();
  }

  /** Waits for the lock and says for whom. Where there is no flock, as on macOS, nothing is locked. */
  static async take(file: string, options: LockOptions): Promise<FileLock> {
    const { signal, log } = options;
    const holder = await startHolder(file, []);
    if (holder === null) return new FileLock(null);
    const locked = hasLock(holder);
    locked.catch(() => undefined);
    try {
      const soon = await unlessAborted(orNull(TELL_AFTER, locked), signal);
      if (soon === null) log(`waiting for ${await holderOf(file)}`);
      await unlessAborted(locked, signal);
    } catch (error) {
      end(holder);
      throw error;
    }
    return FileLock.#held(holder, file, options.what);
  }

  /** Takes the lock where nobody has it; null where somebody does. */
  static async tryTake(file: string, { what }: Pick<LockOptions, 'what'>): Promise<FileLock | null> {
    const holder = await startHolder(file, ['-n']);
    if (holder === null) return new FileLock(null);
    return (await hasLock(holder).catch(() => false)) ? FileLock.#held(holder, file, what) : null;
  }

  static async #held(holder: ChildProcess, file: string, what: string): Promise<FileLock> {
    await writeFile(file, `process ${process.pid}, which ${what}\n`).catch(() => undefined);
    return new FileLock(holder);
  }

  /** Gives the lock back. Idempotent. */
  release(): void {
    if (this.#holder !== null) end(this.#holder);
  }
}

/** Whether somebody waits for a lock on one of these files; false where the kernel does not tell. */
export async function hasWaiter(files: readonly string[]): Promise<boolean> {
  try {
    const inodes = await Promise.all(files.map(async (file) => String((await stat(file)).ino)));
    const blocked = (await readFile('/proc/locks', 'latin1')).matchAll(/^\d+: -> FLOCK .*:(\d+) \d+ \S+$/gm);
    return [...blocked].some(([, inode = '']) => inodes.includes(inode));
  } catch {
    return false;
  }
}

/** Runs work while nobody else runs work under the same lock. */
export async function withFileLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const lock = await FileLock.take(file, options);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** Null where there is no flock. */
async function startHolder(file: string, options: readonly string[]): Promise<ChildProcess | null> {
  const flock = await findProgram('flock');
  if (flock === null) return null;
  // In a session of its own: a Ctrl-C at the terminal must not take the lock from work that goes on.
  const child = spawn(flock, [...options, file, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.stdin.write(SIGN);
  return child;
}

/** True once the holder has the lock, false where it ended without. */
async function hasLock(holder: ChildProcess): Promise<true> {
  const stop = new AbortController();
  const gone = once(holder, 'close', { signal: stop.signal }).then(() => {
    throw new Error('flock ended without the lock');
  });
  gone.catch(() => undefined);
  try {
    await Promise.race([gone, once(holder.stdout!, 'data', { signal: stop.signal })]);
    return true;
  } finally {
    stop.abort();
  }
}

function end(holder: ChildProcess): void {
  holder.stdin?.end();
  // One that still waits reads no input; one that has the lock ends by `cat`, which has it too.
  holder.kill('SIGKILL');
}

async function holderOf(file: string): Promise<string> {
  const text = (await readFile(file, 'utf8').catch(() => '')).trim();
  return text === '' ? `whoever has locked ${file}` : text;
}
