import { setTimeout } from 'node:timers/promises';
import type { Canonical } from '../canonical.js';
import { argumentOf } from './arguments.js';
import type { Outcome } from '../compare.js';
import type { Argument, Group, Step } from '../case.js';

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
  /** Where its files on the host are. */
  readonly folder: string;
  perform(request: Request): Promise<Outcome>;
  /** Ends the handle, whatever state it is in. */
  close(): Promise<void>;
}

/** A call without which nothing can be compared. */
export async function must(
  side: Side,
  call: string,
  args: string[] = [],
  opts: Record<string, string> = {},
): Promise<unknown> {
  const outcome = await side.perform({ call, args, opts });
  if ('error' in outcome) throw new Error(`${side.name}: ${call}: ${outcome.error.message}`);
  return outcome.result;
}

/** Performs the steps of a group in order and gives the outcome of each. */
export async function perform(side: Side, group: Pick<Group, 'steps'>): Promise<Outcome[]> {
  const memory = new Map<string, Canonical>();
  const outcomes: Outcome[] = [];
  for (const step of group.steps) {
    const asked = request(step, memory, side.folder);
    const outcome = await (step.settled ? settled(side, asked) : side.perform(asked));
    if (step.saveAs !== undefined && 'result' in outcome) memory.set(step.saveAs, outcome.result);
    outcomes.push(outcome);
  }
  return outcomes;
}

const SETTLING = { interval: 250, tries: 80 };

async function settled(side: Side, asked: Request): Promise<Outcome> {
  let last: string | undefined;
  for (let left = SETTLING.tries; left > 0; left -= 1) {
    const outcome = await side.perform(asked);
    const text = JSON.stringify(outcome);
    if (text === last) return outcome;
    last = text;
    await setTimeout(SETTLING.interval);
  }
  throw new Error(`${side.name}: ${asked.call} goes on giving other answers`);
}

function request(step: Step, memory: ReadonlyMap<string, Canonical>, folder: string): Request {
  const value = (argument: Argument): Sendable => argumentOf(argument, memory, folder);
  const opts = Object.entries(step.opts).map(([name, argument]) => [name, value(argument)]);
  return { call: step.call, args: step.args.map(value), opts: Object.fromEntries(opts) };
}
