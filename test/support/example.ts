import { execa } from 'execa';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs an example as its reader would, over the built packages, and resolves with what it printed. */
export async function runExample(script: string, args: readonly string[] = []): Promise<string> {
  const { stdout, stderr } = await execa(process.execPath, [`examples/${script}`, ...args], { cwd: root });
  return `${stdout}\n${stderr}`;
}
