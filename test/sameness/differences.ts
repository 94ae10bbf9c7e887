/** A step whose outcome is not upstream's, and why that is meant. */
export interface Difference {
  readonly group: string;
  readonly call: string;
  /** How often in the group the call differs. */
  readonly times: number;
  readonly reason: string;
}

/** Every known difference; the suite fails when one is missing here, and also when one is here that is gone. */
export const differences: readonly Difference[] = [
  {
    group: 'the handle and what the daemon offers',
    call: 'version',
    times: 1,
    reason: 'each library tells its own version',
  },
];
