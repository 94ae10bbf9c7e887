import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { areas } from './areas.js';
import { groups } from './cases/index.js';
import type { Machine } from './compare.js';
import { differences } from './differences.js';
import { launchOnScratch } from './disks.js';
import { compared, differs, told, type Compared } from './report.js';
import { ourSide } from './sides/ours.js';
import { peerSide } from './sides/peer.js';
import { perform, type Side } from './sides/side.js';

jest.setTimeout(600_000);

/** Names of groups to run, for work on one of them; all others are skipped, and so is the count of functions. */
const only = process.env.SAMENESS_ONLY?.split(',');

describe('the same calls here and through python3-guestfs', () => {
  const all: Compared[] = [];
  let folder: string;
  let sides: Side[] = [];
  let machines: Machine[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'guestfs-sameness-'));
    const own = async (name: string): Promise<string> => (await mkdir(join(folder, name)), join(folder, name));
    sides = [ourSide(await own('ours')), peerSide(await own('peer'))];
    machines = await Promise.all(sides.map(launchOnScratch));
  });
  afterAll(async () => {
    await Promise.allSettled(sides.map((side) => side.close()));
    await rm(folder, { recursive: true });
  });

  for (const group of groups()) {
    if (only !== undefined && !only.some((name) => group.name.includes(name))) continue;
    it(group.name, async () => {
      const outcomes = await Promise.all(sides.map((side) => perform(side, group)));
      const [ours, peer] = outcomes.map((those, index) => ({ outcomes: those, machine: machines[index]! }));
      const steps = compared(group, ours!, peer!);
      all.push(...steps);
      const known = differences.filter((difference) => difference.group === group.name);
      const found = steps.filter(differs);
      for (const { call, times } of known) {
        expect({ call, times: found.filter(({ step }) => step.call === call).length }).toEqual({ call, times });
      }
      const unknown = found.filter(({ step }) => !known.some(({ call }) => call === step.call));
      expect(unknown.map(told).join('\n')).toBe('');
    });
  }

  if (only === undefined) {
    const functions = (of: (step: Compared) => boolean): Set<string> =>
      new Set(all.filter(of).map(({ step }) => step.call));
    const succeeded = (): Set<string> => functions((step) => step.succeeded);
    const refused = (): Set<string> => functions((step) => step.errno);

    it('covers at least 450 functions that succeeded on both sides', () => {
      expect(succeeded().size).toBeGreaterThanOrEqual(450);
    });

    it('covers at least 250 functions that failed with the same errno on both sides', () => {
      expect(refused().size).toBeGreaterThanOrEqual(250);
    });

    it.each(Object.entries(areas))('covers %s', (_, names) => {
      const known = succeeded();
      expect(names.filter((name) => !known.has(name))).toEqual([]);
    });

    afterAll(() => {
      const counts = `${succeeded().size} functions that succeed, ${refused().size} that fail with an errno`;
      process.stdout.write(`${all.length} calls compared: ${counts}\n`);
    });
  }
});
