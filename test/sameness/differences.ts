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
  {
    group: 'images and folders of the host',
    call: 'disk_create',
    times: 1,
    reason: 'the folder is missing: qemu-img finds it here, and its words are in an ERR_GUESTFS_DRIVE with the mend',
  },
  {
    group: 'images and folders of the host',
    call: 'copy_out',
    times: 2,
    reason: 'what is missing in the guest or on the host has its errno here; upstream looks itself, and drops it',
  },
  {
    group: 'images and folders of the host',
    call: 'copy_in',
    times: 3,
    reason: 'what is missing on the host or in the guest has its errno here; upstream looks itself, and drops it',
  },
  {
    group: 'inspection of a Debian',
    call: 'inspect_list_applications',
    times: 1,
    reason: 'the list of packages ends without an empty line: the last one counts here, upstream leaves it out',
  },
];
