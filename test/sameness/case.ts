import { Buffer } from 'node:buffer';
import type { Rule } from './rule.js';

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
/** The path of a file or folder on the host, in a folder that is the side's own. */
export class Host {
  constructor(readonly name: string) {}
}
export type Argument =
  null | string | number | bigint | boolean | Uint8Array | Sent | Received | Saved | Host | readonly Argument[];

/** One call, by upstream's name. */
export interface Step {
  readonly call: string;
  readonly args: readonly Argument[];
  readonly opts: Readonly<Record<string, Argument>>;
  readonly rule?: Rule;
  readonly saveAs?: string;
  /** The call is meant to fail. */
  readonly refused?: true;
  /** The call is made again until it gives the same answer twice. */
  readonly settled?: true;
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
/** The same call, which must fail on both sides. */
export const refused = (step: Step): Step => ({ ...step, refused: true });
/** The same call, for what the guest works on in the background. */
export const settled = (step: Step): Step => ({ ...step, settled: true });
/** The same call, its result kept under a name for later steps. */
export const save = (name: string, step: Step): Step => ({ ...step, saveAs: name });
export const saved = (name: string, ...path: (string | number)[]): Saved => new Saved(name, path);
export const send = (content: string | Buffer | Saved): Sent =>
  new Sent(typeof content === 'string' ? Buffer.from(content) : content);
export const receive = new Received();
export const host = (name: string): Host => new Host(name);
export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

export const group = (name: string, ...steps: (Step | readonly Step[])[]): Group => ({ name, steps: steps.flat() });

export const UUID = '6f1c1f4e-7a5f-4a0c-9a52-0123456789ab';

const FILESYSTEM_UUID = 'a3d7b1c2-0f4e-4d55-8a6b-9c8d7e6f5a4b';
const HASH_SEED = '5eed5eed-0123-4567-89ab-5eed5eed5eed';
/** Where an ext superblock has them, from the start of the device. */
const UUID_AT = 1024 + 0x68;
const HASH_SEED_AT = 1024 + 0xec;
const binary = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex');

/**
 * An empty ext filesystem, the same on every machine: its UUID is in its statistics, and its seed decides the order of
 * its listings and where its folders lie. Without checksums of the superblock both can be written into it.
 */
export const freshExt = (device: string, type = 'ext4'): Step[] => [
  call('mkfs', type, device, { features: '^metadata_csum', label: 'same' }),
  call('pwrite_device', device, binary(FILESYSTEM_UUID), UUID_AT),
  call('pwrite_device', device, binary(HASH_SEED), HASH_SEED_AT),
];
