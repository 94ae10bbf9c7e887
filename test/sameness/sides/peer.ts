import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Outcome } from '../compare.js';
import type { Request, Side } from './side.js';

const worker = join(import.meta.dirname, '../peer/worker.py');

/** Debian's python3-guestfs in a process of its own, with an appliance of its own. */
export function peerSide(folder: string, environment: NodeJS.ProcessEnv = {}): Side {
  const env = {
    ...process.env,
    LIBGUESTFS_BACKEND: 'direct',
    LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg',
    ...environment,
  };
  const child = spawn('/usr/bin/python3', [worker], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'close');
  return {
    name: 'python3-guestfs',
    folder,
    async perform(request: Request): Promise<Outcome> {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const line = await lines.next();
      if (line.done === true) throw new Error(`the peer ended in ${request.call}`);
      return JSON.parse(line.value) as Outcome;
    },
    async close(): Promise<void> {
      // The handle is closed when the worker has read everything.
      child.stdin.end();
      await ended;
    },
  };
}
