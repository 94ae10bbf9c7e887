import { GuestfsError } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';

/** What the daemon answers about a group. */
const AVAILABLE = 0;
const UNKNOWN = 2;

export async function available(run: Run, groups: readonly string[]): Promise<void> {
  const missing = await firstMissing(run, groups);
  if (missing === undefined) return;
  throw new GuestfsError('ERR_GUESTFS_NOT_AVAILABLE', `the appliance lacks the feature group ${missing}`, {
    operation: run.name,
    hint: 'install what the group needs where the appliance is built, or do without',
  });
}

export async function featureAvailable(run: Run, groups: readonly string[]): Promise<boolean> {
  return (await firstMissing(run, groups)) === undefined;
}

/** The first group that is missing; one that nobody knows is an error where it comes first. */
async function firstMissing(run: Run, groups: readonly string[]): Promise<string | undefined> {
  const answers = await Promise.all(groups.map((group) => ask(run, group)));
  const at = answers.findIndex((answer) => answer !== AVAILABLE);
  if (at !== -1 && answers[at] === UNKNOWN) {
    const message = `there is no feature group ${JSON.stringify(groups[at])}`;
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', message, { operation: run.name });
  }
  return at === -1 ? undefined : groups[at];
}

function ask(run: Run, group: string): Promise<number> {
  const { features } = run.handle;
  const known = features.get(group);
  if (known !== undefined) return Promise.resolve(known);
  return run.call(procedures.internalFeatureAvailable, [group]).then((answer) => {
    features.set(group, answer);
    return answer;
  });
}
