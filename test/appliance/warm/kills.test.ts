import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { prepareAppliance } from 'guestfs';
import { ended, OwnStore, PROGRAM } from './own-store.js';
import { LONG, share, wasWarm } from './support.js';

jest.setTimeout(LONG ? 7_200_000 : 900_000);

const KILLS = share(LONG ? 20 : 3);

let own: OwnStore;
beforeAll(async () => {
  own = await OwnStore.make('warm-kills');
  await prepareAppliance(own.options);
});
afterAll(() => own.remove());

/** How long a program of ours takes from start to end, in milliseconds. */
async function duration(start: () => ReturnType<OwnStore['start']>): Promise<number> {
  const begin = performance.now();
  expect((await ended(start())).status).toBe(0);
  return performance.now() - begin;
}

/** A random moment of each of so many equal parts of a duration, so that together they cover all of it. */
function moments(count: number, length: number): number[] {
  return Array.from({ length: count }, (_, index) => ((index + Math.random()) / count) * length);
}

async function nextLaunch(): Promise<boolean> {
  return wasWarm((await own.launch()).split('\n'));
}

test(`killed at ${KILLS} random points of a warm launch: nothing is left, and the next launch is warm`, async () => {
  const length = await duration(() => own.startLaunch());
  for (const moment of moments(KILLS, length)) {
    const child = own.startLaunch();
    await new Promise((resolve) => setTimeout(resolve, moment));
    expect({ moment, left: await own.killAndLook(child) }).toEqual({ moment, left: [] });
    expect(await nextLaunch()).toBe(true);
  }
});

test(`killed at ${KILLS} random points of making a template: no part of one is left, and the next launch works`, async () => {
  const remove = async (): Promise<void> => {
    for (const key of await own.templates()) await rm(join(own.store, key), { recursive: true });
  };
  await remove();
  const length = await duration(() => own.start([PROGRAM, 'warm', '--quiet']));
  for (const moment of moments(KILLS, length)) {
    await remove();
    const child = own.start([PROGRAM, 'warm', '--quiet']);
    await new Promise((resolve) => setTimeout(resolve, moment));
    expect({ moment, left: await own.killAndLook(child) }).toEqual({ moment, left: [] });
    // A template is whole, or is not there.
    expect(await nextLaunch()).toBe((await own.templates()).length === 1);
  }
});
