/** One progress message of a call or of a launch. */
export interface Progress {
  /** The function that runs, by its method name (`copyDeviceToDevice`, `launch`). */
  readonly operation: string;
  /** The procedure's number on the wire; 0 for a launch. */
  readonly proc: number;
  /** The call's serial on the wire; 0 for a launch. */
  readonly serial: number;
  /** How far it is, in units that only mean something next to `total`. */
  readonly position: bigint;
  readonly total: bigint;
  /** `position / total` from 0 to 1, and 1 only when it is done; null in pulse mode. */
  readonly fraction: number | null;
  /** True where nobody can tell how far it is, only that it goes on. */
  readonly pulse: boolean;
  /** True in the last message of a call. A call that fails may send none. */
  readonly done: boolean;
  /** What a launch is at: `start`, `applianceBuilt`, `kernelUp`, `initRunning`, `ready`. Absent for calls. */
  readonly phase?: string;
}

/** What {@link makeProgress} starts from. */
export interface ProgressInput {
  operation: string;
  proc: number;
  serial: number;
  position: bigint;
  total: bigint;
  phase?: string | undefined;
}

/**
 * Works out `fraction`, `pulse` and `done` from the numbers of a progress message.
 *
 * 0 of 1 is a pulse, whatever the call: the protocol has no other sign for it. 1 of 1 ends it. A position of a total of
 * 0 is one, too: so much was moved, and nobody knows of how much. A position beyond another total counts as done, and so
 * does 0 of 0.
 */
export function makeProgress(input: ProgressInput): Progress {
  const { operation, proc, serial, position, total, phase } = input;
  const fraction = fractionOf(position, total);
  const pulse = fraction === null;
  const done = !pulse && position >= total;
  const progress = { operation, proc, serial, position, total, fraction, pulse, done };
  return phase === undefined ? progress : { ...progress, phase };
}

/** Null for a pulse; below 1 until the position reaches the total, also where the division rounds up. */
export function fractionOf(position: bigint, total: bigint): number | null {
  if (total === 0n && position > 0n) return null;
  if (position >= total) return 1;
  if (position === 0n) return total === 1n ? null : 0;
  return Math.min(Number(position) / Number(total), 1 - Number.EPSILON);
}
