import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Guestfs } from 'guestfs';

const peerScript = join(import.meta.dirname, '../peer/launch.py');

/**
 * One launch of python3-guestfs with a small session: milliseconds since the start for each step, and MB of memory.
 *
 * Its appliance lies in a cache folder of its own: it sets the files' times at each launch, and in a folder used by both
 * this SDK would have to hash the root again each time.
 */
export async function peerLaunch(disk, cachedir) {
  const env = { ...process.env, LIBGUESTFS_BACKEND: 'direct', LIBGUESTFS_CACHEDIR: cachedir };
  const { stdout } = await promisify(execFile)('/usr/bin/python3', [peerScript, disk], { env });
  return JSON.parse(stdout);
}

/** The same with this SDK; `phases` says when each phase of the launch was reached. */
export async function ourLaunch(disk, options) {
  const steps = { phases: {} };
  const start = performance.now();
  const g = new Guestfs(options);
  g.on('progress', ({ phase }) => {
    if (phase !== undefined) steps.phases[phase] = performance.now() - start;
  });
  g.addDrive(disk, { format: 'raw' });
  await g.launch();
  await finish(g, start, steps);
  return steps;
}

/** The same with a handle of a pool, which is asked for a handle with the disk. */
export async function pooledLaunch(disk, pool) {
  const steps = {};
  const start = performance.now();
  const g = await pool.acquire({ drives: [{ file: disk, format: 'raw' }] });
  await finish(g, start, steps);
  return steps;
}

async function finish(g, start, steps) {
  const mark = (name) => (steps[name] = performance.now() - start);
  try {
    mark('launched');
    const [device] = await g.listDevices();
    if (device !== '/dev/sda') throw new Error(`the disk is not there but ${device}`);
    mark('first');
    await g.partDisk('/dev/sda', 'gpt');
    await g.mkfs('ext4', '/dev/sda1');
    await g.mount('/dev/sda1', '/');
    await g.write('/file', Buffer.from('content'));
    const read = await g.readFile('/file');
    if (read.toString() !== 'content') throw new Error('other content came back');
    await g.sync();
    mark('session');
    Object.assign(steps, await memoryOf(g.getPid()));
  } finally {
    await g.close();
  }
}

/** Memory of a process in MB: resident, and its fair share where pages are shared. */
export async function memoryOf(pid) {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1');
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]) / 1024;
  const shared = field('Shared_Clean') + field('Shared_Dirty');
  return { rss: field('Rss'), pss: field('Pss'), shared };
}
