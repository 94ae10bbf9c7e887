import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

let made = 0;

/** A guestfsd on this machine's own files, listening for one connection. */
export async function startDaemon(folder) {
  // The daemon reads this folder, which a machine without udev does not have.
  if (!existsSync('/dev/disk/by-path')) await mkdir('/dev/disk/by-path', { recursive: true });
  made += 1;
  const socket = join(folder, `daemon-${process.pid}-${made}.sock`);
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const child = spawn('guestfsd', ['-l', '-r', '-c', socket], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (bytes) => (complaint = (complaint + bytes).slice(-2000)));
  const ended = once(child, 'close');
  for (let waited = 0; !existsSync(socket); waited += 10) {
    if (child.exitCode !== null || waited > 10_000) throw new Error(`guestfsd does not listen: ${complaint}`);
    await sleep(10);
  }
  return {
    socket,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
