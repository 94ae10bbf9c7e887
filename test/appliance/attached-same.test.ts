import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Guestfs } from 'guestfs';
import { startLiveGuest } from '../support/live-guest.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gfs-same-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function makeDisk(name: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, '');
  await truncate(path, 64 * 1024 * 1024);
  return path;
}

/** A hundred calls of many kinds; what each gave, or the code of its error. */
async function hundredCalls(g: Guestfs): Promise<unknown[]> {
  const results: unknown[] = [];
  const call = async (work: Promise<unknown>): Promise<void> => {
    results.push(await work.catch((error: { code: string }) => error.code));
  };
  await call(g.listDevices());
  await call(g.partDisk('/dev/sda', 'gpt'));
  await call(g.partSetName('/dev/sda', 1, 'data'));
  await call(g.listPartitions());
  await call(g.mkfs('ext4', '/dev/sda1', { label: 'same' }));
  await call(g.vfsLabel('/dev/sda1'));
  await call(g.vfsType('/dev/sda1'));
  await call(g.mount('/dev/sda1', '/'));
  await call(g.mount('/dev/sdz9', '/'));
  await call(g.cat('/nowhere'));
  for (let i = 0; i < 20; i++) {
    await call(g.mkdirP(`/d${i}/deep`));
    await call(g.write(`/d${i}/file`, `content ${i}`));
    await call(g.cat(`/d${i}/file`));
    await call(g.checksum('sha256', `/d${i}/file`));
  }
  const data = Buffer.alloc(2_000_000, 'same');
  await call(g.upload(data, '/data'));
  const parts: Uint8Array[] = [];
  for await (const part of g.download('/data')) parts.push(part);
  results.push(Buffer.concat(parts).equals(data));
  await call(g.ls('/'));
  await call(g.find('/'));
  await call(g.filesize('/data'));
  await call(g.lnS('/data', '/link'));
  await call(g.readlink('/link'));
  await call(Promise.all(Array.from({ length: 200 }, (_, i) => g.isFile(`/d${i % 40}/file`))));
  await call(g.umountAll());
  await call(g.e2fsck('/dev/sda1', { forceno: true }));
  return results;
}

/** The events of a handle. */
interface Seen {
  /** Those of the machine, each class once in a row: how often progress is told depends on the time that calls take. */
  readonly session: string[];
  /** Those of the calls, with all that they carry. */
  readonly calls: string[];
}

function watch(g: Guestfs): Seen {
  const session: string[] = [];
  const calls: string[] = [];
  const note = (what: string): void => void (session.at(-1) === what || session.push(what));
  for (const name of ['launchDone', 'progress', 'close'] as const) g.on(name, () => note(name));
  g.on('subprocessQuit', ({ expected }) => note(`subprocessQuit, expected: ${expected}`));
  g.on('enter', ({ operation }) => calls.push(`enter ${operation}`));
  g.on('trace', ({ text }) => calls.push(text));
  return { session, calls };
}

/** Launches, makes the calls and ends; what they gave, and the events. */
async function wholeSession(g: Guestfs) {
  const { session, calls } = watch(g);
  await g.launch();
  g.setTrace(true);
  calls.length = 0;
  const warnings: string[] = [];
  g.on('warning', ({ text }) => warnings.push(text));
  const results = await hundredCalls(g);
  g.setTrace(false);
  await g.shutdown();
  await g.close();
  return { results, session, calls, warnings };
}

test('a handle attached by unix:PATH and one on an appliance give the same to a hundred calls, and the same events', async () => {
  const g = new Guestfs();
  g.addDrive(await makeDisk('direct.img'), { format: 'raw' });
  const direct = await wholeSession(g);
  expect(direct.results).toHaveLength(100);
  // More than one for each call: there are functions that are made of others.
  expect(direct.calls.filter((line) => line.startsWith('enter ')).length).toBeGreaterThan(300);

  await using guest = await startLiveGuest({ disk: await makeDisk('attached.img') });
  const h = new Guestfs();
  h.setBackend(`unix:${guest.socket}`);
  h.setBackendSettings(['attach_timeout=180']);
  expect(await wholeSession(h)).toEqual(direct);
}, 400_000);
