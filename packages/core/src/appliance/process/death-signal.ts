import { findProgram } from './find-program.js';
import { runCommand } from './run.js';

let known: Promise<string | null> | null = null;

/**
 * The command line that has the kernel end a process together with the one that started it.
 *
 * Only Linux has this, by util-linux's setpriv; BusyBox's has no such option. SIGTERM, so that qemu writes its caches
 * back; the watcher sends SIGKILL later to one that stays.
 */
export async function withDeathSignal(
  file: string,
  args: readonly string[],
  log?: (line: string) => void,
): Promise<[string, readonly string[]]> {
  known ??= findSetpriv(log);
  const setpriv = await known;
  return setpriv === null ? [file, args] : [setpriv, ['--pdeathsig', 'TERM', '--', file, ...args]];
}

async function findSetpriv(log: ((line: string) => void) | undefined): Promise<string | null> {
  if (process.platform !== 'linux') return null;
  const file = await findProgram('setpriv');
  if (file === null) return null;
  const help = await runCommand(file, ['--help'], { timeout: 5000, env: { LC_ALL: 'C' }, log });
  return help.output.includes('--pdeathsig') ? file : null;
}
