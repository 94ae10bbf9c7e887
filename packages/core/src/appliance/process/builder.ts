import { spawn } from 'node:child_process';

/**
 * Starts a Node program with a task on its input, and leaves it to itself: nothing of it keeps this process alive. The
 * input stays open as long as this process lives; its end tells the program to stop. `ended` is called when it has ended.
 */
export function startBuilder(program: string, task: string, ended: () => void): void {
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  child.once('exit', ended);
  child.once('error', ended);
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${task}\n`);
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
}
