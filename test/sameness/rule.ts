import type { Buffer } from 'node:buffer';

/** How a part of a result is compared that cannot be the same on two machines. */
export interface Rule {
  /** Fields that hold a time, in seconds since the epoch or in words: all readings of the clock in this run are equal. */
  readonly times?: readonly string[];
  /** Disks are told by the kernel's names and numbers: they are translated to the disks' places in the machine. */
  readonly kernelDisks?: true;
  /** Fields whose numbers only tie entries together: compared by the order in which they first come. */
  readonly tokens?: readonly string[];
  /** Fields of structures and hash tables, anywhere in the result: only presence and kind are compared. */
  readonly fields?: readonly string[];
  /** Replaced in every string of the result. */
  readonly text?: readonly (readonly [RegExp, string])[];
  /** The order of a list says nothing. */
  readonly unordered?: true;
  /** Bytes are compared as the text that this makes of them. */
  readonly bytes?: (content: Buffer) => string;
  /** Why the values differ between two machines. */
  readonly because: string;
}

/** What differs in a file's status between two machines. */
export const STATUS = {
  times: ['atime', 'mtime', 'ctime'].flatMap((time) => [time, `st_${time}_sec`, `st_${time}_nsec`]),
  kernelDisks: true,
  because: 'times are set from the clock of the guest, and the kernel finds the disks in any order',
} as const satisfies Rule;

/** The same for a file whose times were set. */
export const STATUS_WITH_TIMES = { ...STATUS, times: ['st_ctime_sec', 'st_ctime_nsec'] } as const satisfies Rule;

/**
 * For what tells a disk by the kernel's own name or number: the kernel finds the disks of a machine in any order, and
 * only the arguments and results that are devices by their type are translated by the daemon.
 */
export const KERNEL_NAMES = {
  kernelDisks: true,
  because: 'disks are named and numbered in the order in which the kernel finds them',
} as const satisfies Rule;

const HEX = '[0-9a-fA-F]';
const UUID_SHAPE = new RegExp(`\\b${HEX}{8}(-${HEX}{4}){3}-${HEX}{12}\\b`, 'g');

/** For UUIDs that no option of the call sets: compared by their shape. */
export const RANDOM_UUID = {
  text: [[UUID_SHAPE, '<uuid>']],
  because: 'made at random, and no option sets it',
} as const satisfies Rule;
