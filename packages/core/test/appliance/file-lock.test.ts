import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { FileLock, withFileLock } from '../../src/appliance/process/file-lock.js';
import { pause } from '../../src/waiting/give-up.js';

jest.setTimeout(60_000);

let folder: string;
let file: string;
let log: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-lock-'));
  file = join(folder, 'lock');
  log = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function options(what = 'tests', signal = new AbortController().signal) {
  return { what, signal, log: (line: string) => void log.push(line) };
}

/** A process that has the lock as this library's processes have it: by a child that ends with its input. */
async function otherProcess(): Promise<ChildProcess> {
  const script = `
    const child = require('child_process').spawn('flock', [${JSON.stringify(file)}, 'cat'], { stdio: ['pipe', 'inherit', 'inherit'], detached: true });
    child.stdin.write('locked');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

test('one at a time, in this process too', async () => {
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 6 }, () =>
      withFileLock(file, options(), async () => {
        most = Math.max(most, ++inside);
        await pause(5);
        inside -= 1;
      }),
    ),
  );
  expect(most).toBe(1);
});

test('who waits is told for whom, and goes on when the lock is given back', async () => {
  const first = await FileLock.take(file, options('builds the appliance'));
  expect(await FileLock.tryTake(file, options())).toBeNull();
  const second = FileLock.take(file, options());
  while (log.length === 0) await pause(10);
  expect(log).toEqual([`waiting for process ${process.pid}, which builds the appliance`]);
  first.release();
  first.release();
  (await second).release();
  while ((await FileLock.tryTake(file, options())) === null) await pause(10);
});

test('a process that is killed gives its lock back', async () => {
  const other = await otherProcess();
  expect(await FileLock.tryTake(file, options())).toBeNull();
  const waiting = FileLock.take(file, options());
  other.kill('SIGKILL');
  (await waiting).release();
});

test('who gives up waiting has nothing, and takes nothing from who waits on', async () => {
  const first = await FileLock.take(file, options());
  const abort = new AbortController();
  const second = FileLock.take(file, options('waits', abort.signal));
  const third = FileLock.take(file, options());
  abort.abort(new Error('enough'));
  await expect(second).rejects.toThrow('enough');
  first.release();
  (await third).release();
});

test('the work’s error comes through, and the lock is free', async () => {
  await expect(withFileLock(file, options(), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  (await FileLock.take(file, options())).release();
});

test('where there is no flock, nothing is locked and all goes on', async () => {
  const before = process.env['PATH'];
  await writeFile(join(folder, 'other'), '');
  process.env['PATH'] = folder;
  try {
    const [one, two] = [await FileLock.take(file, options()), await FileLock.tryTake(file, options())];
    expect(two).not.toBeNull();
    one.release();
    two?.release();
  } finally {
    process.env['PATH'] = before;
  }
});
