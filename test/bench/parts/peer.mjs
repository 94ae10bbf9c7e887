import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const folder = join(import.meta.dirname, '../peer');

/**
 * Debian's python3-guestfs in a process of its own, launched: with `native`, on a daemon of this machine, to which the C
 * library is led by a stand-in for qemu; else in a machine with these drives.
 */
export async function openPeer({ native = false, drives = [] }) {
  const env = { ...process.env, LIBGUESTFS_BACKEND: 'direct', LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' };
  if (native) env.LIBGUESTFS_HV = join(folder, 'hv.py');
  const child = spawn('/usr/bin/python3', [join(folder, 'worker.py')], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'close');
  const peer = {
    /** Milliseconds that the calls took, as the peer itself measured them. */
    async time(call, args = [], { count = 1, opts = {} } = {}) {
      child.stdin.write(`${JSON.stringify({ call, args, opts, count })}\n`);
      const line = await lines.next();
      if (line.done) throw new Error(`the peer ended in ${call}`);
      const answer = JSON.parse(line.value);
      if (answer.error !== undefined) throw new Error(`the peer failed: ${answer.error}`);
      return answer.ms;
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
  for (const drive of native ? ['/dev/null'] : drives)
    await peer.time('add_drive', [drive], { opts: { format: 'raw' } });
  await peer.time('launch');
  return peer;
}
