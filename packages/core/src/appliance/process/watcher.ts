import { holdDuring } from '../../protocol/keep-alive.js';
import { startProcess, type StartedProcess } from './run.js';

/**
 * Reads the pid to end from its input; at the end of the input, which comes when this process is gone however it died,
 * it ends that process and removes the folders. A line without a pid withdraws the one before. A process that nobody collects,
 * since its parent is a thread that is gone, stays as a zombie.
 */
const SCRIPT = `
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -TERM "$pid" 2>/dev/null
  n=0
  while [ $n -lt 50 ] && kill -0 "$pid" 2>/dev/null; do
    if read -r line 2>/dev/null <"/proc/$pid/stat"; then case $line in *") Z "*) break ;; esac; fi
    sleep 0.1
    n=$((n + 1))
  done
  kill -KILL "$pid" 2>/dev/null
fi
rm -rf -- "$@"
`;

/** A small process of its own that cleans up after this one, even after a SIGKILL. */
export interface Watcher {
  /** Names the process to end. */
  watch(pid: number): void;
  /** Withdraws the process: it is gone, and its pid may become another's. */
  forget(): void;
  /** Lets the watcher remove the folders and end; resolves when it has. */
  release(): Promise<void>;
}

/** Starts a watcher over temporary folders. Without a shell, as on Windows, nothing is watched. */
export function startWatcher(...folders: readonly string[]): Watcher {
  const child: StartedProcess = startProcess('/bin/sh', ['-c', SCRIPT, 'guestfs-watcher', ...folders], {
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdin: 'pipe',
    output: 'ignore',
    // A Ctrl-C at the terminal goes to the whole foreground group: the watcher must live on to clean up.
    detached: true,
  });
  // Writing to a watcher that is gone is no error of ours: the process has other ways to end.
  child.stdin?.on('error', () => undefined);
  return {
    watch: (pid) => void child.stdin?.write(`${pid}\n`),
    forget: () => void child.stdin?.write('\n'),
    release: async () => {
      child.stdin?.end();
      await holdDuring(child.ended);
    },
  };
}
