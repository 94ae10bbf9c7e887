import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Guestfs, prepareAppliance } from 'guestfs';
import { relaunchInCatch } from '../../support/relaunch.js';
import { OwnStore } from './own-store.js';
import { wasWarm } from './support.js';

jest.setTimeout(900_000);

let own: OwnStore;
beforeAll(async () => {
  own = await OwnStore.make('warm-relaunch');
  await prepareAppliance(own.options);
});
afterAll(() => own.remove());

test.each([false, true])('with warm starts %s, a lost machine is replaced where its call rejects', async (warm) => {
  execFileSync('mke2fs', ['-q', '-F', own.disk]);
  const log: string[] = [];
  const g = new Guestfs({ ...own.options, warm });
  g.on('library', ({ text }) => log.push(text.trim()));
  g.addDrive(own.disk, { format: 'raw' });
  await g.launch();
  expect(wasWarm(log)).toBe(warm);
  await relaunchInCatch(g, own.disk, () => process.kill(g.getPid(), 'SIGKILL'));
});
