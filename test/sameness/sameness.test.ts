import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { groups } from './cases/index.js';
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
  let ours: Side;
  let peer: Side;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'guestfs-sameness-'));
    ours = ourSide();
    peer = peerSide();
    await Promise.all([launchOnScratch(ours, folder, 'ours'), launchOnScratch(peer, folder, 'peer')]);
  });
  afterAll(async () => {
    await Promise.allSettled([ours.close(), peer.close()]);
    await rm(folder, { recursive: true });
  });

  for (const group of groups()) {
    if (only !== undefined && !only.some((name) => group.name.includes(name))) continue;
    it(group.name, async () => {
      const [a, b] = await Promise.all([perform(ours, group), perform(peer, group)]);
      const outcomes = compared(group, a, b);
      all.push(...outcomes);
      const known = differences.filter((difference) => difference.group === group.name);
      const found = outcomes.filter(differs);
      for (const { call, times } of known) {
        expect({ call, times: found.filter((outcome) => outcome.step.call === call).length }).toEqual({ call, times });
      }
      const unknown = found.filter((outcome) => !known.some(({ call }) => call === outcome.step.call));
      expect(unknown.map(told).join('\n')).toBe('');
    });
  }

  if (only === undefined) {
    it('covers at least 250 functions that succeeded on both sides', () => {
      const functions = new Set(all.filter(({ succeeded }) => succeeded).map(({ step }) => step.call));
      expect(functions.size).toBeGreaterThanOrEqual(250);
    });
  }
});
