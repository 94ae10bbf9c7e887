import { spawn } from 'node:child_process';

/**
 * Starts a Node program with a task on its input, and leaves it to itself: nothing of it keeps this process alive. The
 * input stays open as long as this process lives; its end tells the program to stop.
 */
export function startBuilder(program: string, task: string): void {
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${task}\n`);
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
}
