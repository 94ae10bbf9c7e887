import { readdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Guestfs } from 'guestfs';
import { ended, OwnStore } from './own-store.js';
import { sparse, until, wasWarm } from './support.js';

jest.setTimeout(900_000);

let own: OwnStore;
beforeAll(async () => void (own = await OwnStore.make('herd')));
afterAll(() => own.remove());

const builds = (log: readonly string[]): number => log.filter((line) => /^run \S*supermin /.test(line)).length;
const wasCold = (log: readonly string[]): boolean => log.some((line) => line.startsWith('the appliance is up under'));
const keyOf = (log: readonly string[]): string | undefined => /template ([0-9a-f]{32})/.exec(log.join('\n'))?.[1];

test('launches at once on an empty cache: one build, one template, no more boots than processors at a time', async () => {
  let booting = 0;
  let most = 0;
  const launches = Array.from({ length: 5 }, async () => {
    const g = new Guestfs(own.options);
    const log: string[] = [];
    g.on('library', ({ text }) => {
      const line = text.trim();
      log.push(line);
      if (/^run .*qemu-system.* -kernel /.test(line)) most = Math.max(most, ++booting);
      if (line.startsWith('the appliance is up under')) booting -= 1;
    });
    await g.launch();
    return { g, log };
  });
  const launched = await Promise.all(launches);
  const logs = launched.map(({ log }) => log);
  expect(logs.map(builds).reduce((sum, each) => sum + each)).toBe(1);
  expect(most).toBeLessThanOrEqual(availableParallelism());
  expect(new Set(logs.map(keyOf)).size).toBe(1);
  expect(logs.filter(wasCold).length + logs.filter(wasWarm).length).toBe(5);
  // The first of them made the template for all, and lives long enough for it.
  await until(async () => (await own.templates()).length > 0, 600_000);
  for (const { g } of launched) expect(await g.listDevices()).toEqual([]);
  await Promise.all(launched.map(({ g }) => g.close()));
  expect(await own.templates()).toEqual([keyOf(logs[0]!)]);
});

test('an appliance built anew of the same packages has the same template, which runs over its own root', async () => {
  const { key } = await own.template();
  const cache = join(own.store, '..');
  const names = await readdir(cache);
  for (const name of names.filter((each) => each.startsWith('appliance')))
    await rm(join(cache, name), { recursive: true });
  const log = (await own.launch()).split('\n');
  expect(builds(log)).toBe(1);
  expect(await own.templates()).toEqual([key]);
  expect({ key: keyOf(log), warm: wasWarm(log) }).toEqual({ key, warm: true });
});

test('processes at once, and guestfish with them, while the appliance is built anew: all get theirs, from the template', async () => {
  const cache = join(own.store, '..');
  for (const name of (await readdir(cache)).filter((each) => each.startsWith('appliance')))
    await rm(join(cache, name), { recursive: true });
  const guestfish = own.startProgram('guestfish', [
    '-a',
    await sparse(join(own.folder, 'third'), 64),
    'run',
    ':',
    'list-devices',
  ]);
  const other = await sparse(join(own.folder, 'other'), 64);
  const ours = [own.startLaunch(), own.startLaunch({}, [], other)];
  const all = await Promise.all([guestfish, ...ours].map(ended));
  expect(all.map(({ status, text }) => [status, status === 0 ? '' : text])).toEqual([
    [0, ''],
    [0, ''],
    [0, ''],
  ]);
  for (const { text } of all.slice(1)) expect(wasWarm(text.split('\n'))).toBe(true);
  await own.quiet();
});
