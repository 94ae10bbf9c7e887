import { dirname, resolve } from 'node:path';
import { GuestfsError, type GuestfsErrorFields } from '../../protocol/errors.js';
import type { DriveConfig } from '../config/config.js';
import { isNetwork } from '../drives/protocols.js';
import { diskName } from '../drives/disk-name.js';
import type { DiskError } from './events.js';

/** The machine's disks, by which an error is told. */
export interface MachineDisks {
  readonly drives: readonly DriveConfig[];
  /** Where what is written to read-only disks goes, and to the appliance's own. */
  readonly overlays: string;
  /** The setting that chooses that folder. */
  readonly overlaySetting: 'LIBGUESTFS_TMPDIR' | 'LIBGUESTFS_CACHEDIR' | 'XDG_RUNTIME_DIR';
}

/** The id that qemu knows a drive by, from its index. */
const DRIVE_ID = /^hd([0-9]+)$/;
/** The id of the appliance's own disk. */
const ROOT_ID = 'appliance';

/** A disk error in the user's terms: which disk, what the host said, where it happened, and what to do. */
export class DiskFailure {
  readonly #error: DiskError;
  readonly #drive: DriveConfig | undefined;
  readonly #index: number;
  readonly #disks: MachineDisks;

  constructor(error: DiskError, disks: MachineDisks) {
    this.#error = error;
    this.#index = Number(DRIVE_ID.exec(error.device)?.[1] ?? -1);
    this.#drive = disks.drives[this.#index];
    this.#disks = disks;
  }

  /** For people: `the host could not write to the drive "/d.img" (/dev/sda): No space left on device`. */
  get message(): string {
    const { reason, operation, nospace } = this.#error;
    const why = reason || (nospace ? 'No space left on device' : 'Input/output error');
    const doing = operation === 'read' ? 'read from' : `write to${this.#overlaid ? ' the overlay of' : ''}`;
    return `the host could not ${doing} ${this.#disk}: ${why}`;
  }

  get code(): 'ERR_GUESTFS_NO_SPACE' | 'EIO' {
    return this.#error.nospace || /quota exceeded/i.test(this.#error.reason) ? 'ERR_GUESTFS_NO_SPACE' : 'EIO';
  }

  get #overlaid(): boolean {
    return this.#drive === undefined ? this.#error.device === ROOT_ID : this.#drive.readonly;
  }

  get #disk(): string {
    if (this.#drive !== undefined) {
      return `the drive ${JSON.stringify(this.#drive.file)} (/dev/${diskName(this.#index)})`;
    }
    const { device } = this.#error;
    if (device === ROOT_ID) return "the appliance's own disk";
    return device === '' ? 'a disk' : `the disk ${JSON.stringify(device)}`;
  }

  /** What the user can do for the disk. */
  get cure(): string {
    if (this.code === 'EIO') return 'mend the disk (dmesg, or its server, tells more)';

    const { overlays, overlaySetting } = this.#disks;
    if (this.#overlaid) {
      return `make room in ${overlays}, where the overlays of read-only drives lie (df -h ${overlays}; ${overlaySetting} chooses another folder for the next launch)`;
    }
    const drive = this.#drive;
    if (drive === undefined || isNetwork(drive)) return 'make room where the disk is stored';
    const folder = dirname(resolve(drive.file));
    return `make room for ${JSON.stringify(drive.file)} (df -h ${folder})`;
  }
}

/** The error of a call that waits for a machine which stopped for these disks. */
export function stalledError(failures: readonly DiskFailure[], where: GuestfsErrorFields): GuestfsError {
  return diskError(failures, 'the appliance is paused', {
    ...where,
    hint: `${cures(failures)}, and call again: the appliance goes on where it stopped. Closing instead loses what was not written yet`,
  });
}

/** The error of a launch that a disk ended. */
export function launchError(failure: DiskFailure): GuestfsError {
  return diskError([failure], 'the appliance could not start', { hint: `${failure.cure}, then launch again` });
}

function diskError(failures: readonly DiskFailure[], outcome: string, fields: GuestfsErrorFields): GuestfsError {
  const full = failures.some(({ code }) => code === 'ERR_GUESTFS_NO_SPACE');
  const messages = failures.map(({ message }) => message);
  return new GuestfsError(full ? 'ERR_GUESTFS_NO_SPACE' : 'EIO', [...messages, outcome].join('; '), fields);
}

function cures(failures: readonly DiskFailure[]): string {
  return [...new Set(failures.map(({ cure }) => cure))].join('; ');
}
