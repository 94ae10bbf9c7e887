import type { Canonical } from '../canonical.js';
import { argumentOf } from './arguments.js';
import type { Outcome } from '../compare.js';
import type { Group, Step } from '../case.js';

/** A call whose saved values have been put in: what a side is asked to do. */
export interface Request {
  readonly call: string;
  readonly args: readonly Sendable[];
  readonly opts: Readonly<Record<string, Sendable>>;
}
/** An argument, or a file that is sent or received. */
export type Sendable = Canonical | boolean | { readonly in: string } | { readonly out: true };

/** One of the two implementations, with a handle of its own. */
export interface Side {
  readonly name: string;
  perform(request: Request): Promise<Outcome>;
  /** Ends the handle, whatever state it is in. */
  close(): Promise<void>;
}

/** Performs the steps of a group in order and gives the outcome of each. */
export async function perform(side: Side, group: Pick<Group, 'steps'>): Promise<Outcome[]> {
  const memory = new Map<string, Canonical>();
  const outcomes: Outcome[] = [];
  for (const step of group.steps) {
    const outcome = await side.perform(request(step, memory));
    if (step.saveAs !== undefined && 'result' in outcome) memory.set(step.saveAs, outcome.result);
    outcomes.push(outcome);
  }
  return outcomes;
}

function request(step: Step, memory: ReadonlyMap<string, Canonical>): Request {
  const opts = Object.entries(step.opts).map(([name, value]) => [name, argumentOf(value, memory)]);
  return { call: step.call, args: step.args.map((value) => argumentOf(value, memory)), opts: Object.fromEntries(opts) };
}
