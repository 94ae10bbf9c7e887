import { Buffer } from 'node:buffer';

/** Content of a file argument that is sent: bytes, or what an earlier step received. */
export class Sent {
  constructor(readonly content: Buffer | Saved) {}
}
/** A file argument that is received; the content is then the call's result. */
export class Received {
  readonly received = true;
}
/** The result of an earlier step of the group, or a part of it. */
export class Saved {
  constructor(
    readonly name: string,
    readonly path: readonly (string | number)[],
  ) {}
}
export type Argument =
  null | string | number | bigint | boolean | Uint8Array | Sent | Received | Saved | readonly Argument[];

/** How a part of a result is compared that cannot be the same on two machines. */
export interface Rule {
  /** Fields of structures and hash tables, anywhere in the result: only presence and kind are compared. */
  readonly fields?: readonly string[];
  /** Replaced in every string of the result. */
  readonly text?: readonly (readonly [RegExp, string])[];
  /** Only the kind of the result is compared; for structlists also the number of entries. */
  readonly kindOnly?: true;
  /** The order of a list says nothing. */
  readonly unordered?: true;
  /** Received bytes are compared after this. */
  readonly bytes?: (content: Buffer) => string;
  /** Why the values differ between two machines. */
  readonly because: string;
}

/** One call, by upstream's name. */
export interface Step {
  readonly call: string;
  readonly args: readonly Argument[];
  readonly opts: Readonly<Record<string, Argument>>;
  readonly rule?: Rule;
  readonly saveAs?: string;
}

export interface Group {
  readonly name: string;
  readonly steps: readonly Step[];
}

const isOptions = (value: unknown): value is Record<string, Argument> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** A call with its arguments; a plain object at the end gives the optional ones, by upstream's names. */
export function call(name: string, ...args: (Argument | Record<string, Argument>)[]): Step {
  const last = args.at(-1);
  const opts = isOptions(last) ? last : {};
  return { call: name, args: (isOptions(last) ? args.slice(0, -1) : args) as Argument[], opts };
}

/** The same call, its result compared by a rule. */
export const varying = (rule: Rule, step: Step): Step => ({ ...step, rule });
/** The same call, its result kept under a name for later steps. */
export const save = (name: string, step: Step): Step => ({ ...step, saveAs: name });
export const saved = (name: string, ...path: (string | number)[]): Saved => new Saved(name, path);
export const send = (content: string | Buffer | Saved): Sent =>
  new Sent(typeof content === 'string' ? Buffer.from(content) : content);
export const receive = new Received();
export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

export const group = (name: string, ...steps: (Step | readonly Step[])[]): Group => ({ name, steps: steps.flat() });

export const UUID = '6f1c1f4e-7a5f-4a0c-9a52-0123456789ab';

/** An empty ext filesystem; without hashed directories these keep the order of creation, so listings can be compared. */
export const freshExt = (device: string, type = 'ext4'): Step =>
  call('mkfs', type, device, { features: '^dir_index', label: 'same' });

/** What differs in a file's status between two machines. */
export const STATUS = {
  fields: [
    ...['atime', 'mtime', 'ctime'].flatMap((time) => [time, `st_${time}_sec`, `st_${time}_nsec`]),
    ...['dev', 'st_dev'],
  ],
  because:
    'times are set from the clock of the guest, and the kernel numbers disks in the order in which it finds them',
} as const satisfies Rule;

/** The same for a file whose times were set. */
export const STATUS_WITH_TIMES = {
  fields: ['st_dev', 'st_ctime_sec', 'st_ctime_nsec'],
  because: STATUS.because,
} as const satisfies Rule;

/**
 * For what tells a disk by the kernel's own name or number: the kernel finds the disks of a machine in any order, and
 * only the arguments and results that are devices by their type are translated by the daemon.
 */
export const KERNEL_NAMES = {
  text: [[/(?<![a-z])sd[a-z](?![a-z])/g, 'sdX']],
  fields: ['PART_ENTRY_DISK', 'PART_ENTRY_UUID', 'fsid'],
  because: 'disks are named and numbered in the order in which the kernel finds them; parted makes the UUIDs at random',
} as const satisfies Rule;
