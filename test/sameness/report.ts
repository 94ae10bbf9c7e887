import { comparable, type Outcome } from './compare.js';
import type { Group, Step } from './case.js';

/** What became of one step on both sides. */
export interface Compared {
  readonly group: string;
  readonly step: Step;
  readonly ours: string;
  readonly peer: string;
  readonly succeeded: boolean;
}

export function compared(group: Group, ours: readonly Outcome[], peer: readonly Outcome[]): Compared[] {
  return group.steps.map((step, index) => {
    const [a, b] = [ours[index]!, peer[index]!];
    const texts = { ours: comparable(a, step.rule), peer: comparable(b, step.rule) };
    return { group: group.name, step, ...texts, succeeded: 'result' in a && 'result' in b };
  });
}

export const differs = ({ ours, peer }: Compared): boolean => ours !== peer;

/** One line for a person: the call, and where the two outcomes part. */
export function told({ group, step, ours, peer }: Compared): string {
  let at = 0;
  while (at < ours.length && ours[at] === peer[at]) at += 1;
  const window = (text: string): string => text.slice(Math.max(0, at - 60), at + 160);
  const args = JSON.stringify(step.args, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return `${group}: ${step.call}(${args.slice(0, 120)})\n  ours: ${window(ours)}\n  peer: ${window(peer)}`;
}
