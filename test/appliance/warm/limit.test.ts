import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Guestfs, prepareAppliance } from 'guestfs';
import { processesOf, SETTINGS, until } from './support.js';

jest.setTimeout(900_000);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-warm-limit-'));
  await prepareAppliance(SETTINGS);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a launch that takes too long ends in every phase, names what it waited for, and leaves nothing', async () => {
  for (const launchTimeout of [1, 100, 300, 600, 1000]) {
    const g = new Guestfs({ ...SETTINGS, environment: { ...process.env, TMPDIR: folder }, launchTimeout });
    g.addDriveScratch(64n * 1024n * 1024n);
    const error: unknown = await g.launch().catch((reason: unknown) => reason);
    // On a fast machine the longer of them are enough.
    if (error !== undefined) {
      expect(error).toMatchObject({
        code: 'ERR_GUESTFS_LAUNCH_TIMEOUT',
        message: expect.stringContaining(`the appliance was not up after ${launchTimeout / 1000} s`),
      });
    }
    await g.close();
    await until(async () => (await processesOf(folder)).length === 0);
  }
});
