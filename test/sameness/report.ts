import { comparable, type Machine, type Outcome } from './compare.js';
import type { Group, Step } from './case.js';

/** What became of one step on both sides. */
export interface Compared {
  readonly group: string;
  readonly step: Step;
  readonly ours: string;
  readonly peer: string;
  readonly succeeded: boolean;
  /** Both sides refused the call for the same reason, and the daemon or the library had an errno for it. */
  readonly errno: boolean;
  /** Why the step shows nothing, although both sides agree. */
  readonly mistake: string | null;
}

export interface Ran {
  readonly outcomes: readonly Outcome[];
  readonly machine: Machine;
}

export function compared(group: Group, ours: Ran, peer: Ran): Compared[] {
  return group.steps.map((step, index) => {
    const [a, b] = [ours.outcomes[index]!, peer.outcomes[index]!];
    const texts = { ours: comparable(a, ours.machine, step.rule), peer: comparable(b, peer.machine, step.rule) };
    const errno = 'error' in a && a.error.errno !== null && texts.ours === texts.peer;
    const succeeded = 'result' in a && 'result' in b;
    return { group: group.name, step, ...texts, succeeded, errno, mistake: mistake(step, a) ?? mistake(step, b) };
  });
}

/** A step that fails on both sides where it was meant to do something compares next to nothing. */
function mistake(step: Step, outcome: Outcome): string | null {
  if ('error' in outcome) return step.refused ? null : `fails: ${outcome.error.message}`;
  return step.refused ? 'is not refused' : null;
}

export const differs = ({ ours, peer, mistake }: Compared): boolean => ours !== peer || mistake !== null;

/** One line for a person: the call, and where the two outcomes part. */
export function told({ group, step, ours, peer, mistake }: Compared): string {
  let at = 0;
  while (at < ours.length && ours[at] === peer[at]) at += 1;
  const window = (text: string): string => text.slice(Math.max(0, at - 60), at + 160);
  const args = JSON.stringify(step.args, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  const call = `${group}: ${step.call}(${args.slice(0, 120)})`;
  if (ours === peer) return `${call} ${mistake}`;
  return `${call}\n  ours: ${window(ours)}\n  peer: ${window(peer)}`;
}
