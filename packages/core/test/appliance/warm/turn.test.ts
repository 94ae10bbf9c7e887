import { availableParallelism, tmpdir } from 'node:os';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { withinLaunchTimeout } from '../../../src/appliance/boot/launch-deadline.js';
import { TemplateStore } from '../../../src/appliance/warm/template/store.js';
import { waitForTurn, type Turn } from '../../../src/appliance/warm/turn.js';
import { pause } from '../../../src/waiting/give-up.js';
import { Reports } from '../fake-qemu.js';

jest.setTimeout(60_000);

const KEY = 'a'.repeat(32);
const PLACES = availableParallelism();
let cachedir: string;
let store: TemplateStore;
beforeEach(async () => {
  cachedir = await mkdtemp(join(tmpdir(), 'guestfs-turn-'));
  store = await TemplateStore.open(cachedir);
});
afterEach(() => rm(cachedir, { recursive: true, force: true }));

function ask(reports = new Reports(), timeout = 60_000): Promise<Turn | null> {
  return withinLaunchTimeout({ timeout }, reports, (context) => waitForTurn(KEY, store, { cachedir, context }));
}

/** As many as there are; null where somebody has one. */
async function takeAll(): Promise<Turn[]> {
  const turns: Turn[] = [];
  for (let i = 0; i < PLACES; i++) turns.push((await ask())!);
  return turns;
}

async function told(reports: Reports): Promise<string> {
  while (reports.lines.length === 0) await pause(10);
  return reports.lines.join();
}

test('as many boot as there are processors; one more waits, is told so, and gets the first place that is free', async () => {
  const turns = await takeAll();
  expect(await turns[0]!.isCrowded()).toBe(false);
  const reports = new Reports();
  const waiting = ask(reports);
  expect(await told(reports)).toMatch(new RegExp(`^warm start: ${PLACES} .* waiting for .* the template ${KEY}$`));
  while (!(await turns[0]!.isCrowded())) await pause(10);
  turns.forEach((turn) => turn.release());
  (await waiting)!.release();
  // Nothing of it is left: all places can be had.
  for (const turn of await takeAll()) turn.release();
});

test('who waits goes on when the template is there', async () => {
  const turns = await takeAll();
  const reports = [new Reports(), new Reports()];
  const waiting = reports.map((each) => ask(each));
  await Promise.all(reports.map(told));
  await mkdir(join(cachedir, `.guestfs-${process.geteuid?.()}`, 'warm', KEY), { mode: 0o700 });
  expect(await Promise.all(waiting)).toEqual([null, null]);
  turns.forEach((turn) => turn.release());
  // And whoever gets a place now does not need it.
  expect(await ask()).toBeNull();
});

test('who gives up waiting leaves its place to the others', async () => {
  const turns = await takeAll();
  const abort = new AbortController();
  const reports = new Reports(abort.signal);
  const waiting = ask(reports);
  await told(reports);
  abort.abort(new Error('enough'));
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: abort.signal.reason });
  turns.forEach((turn) => turn.release());
  for (const turn of await takeAll()) turn.release();
});

test('who waited half of its time in vain boots all the same', async () => {
  const turns = await takeAll();
  const reports = new Reports();
  const turn = await ask(reports, 1000);
  expect(turn).not.toBeNull();
  expect(reports.lines.at(-1)).toMatch(/in vain, booting$/);
  turn!.release();
  turns.forEach((each) => each.release());
});
