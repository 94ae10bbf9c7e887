import { GuestfsError } from '../../protocol/errors.js';
import type { DriveConfig } from '../config/config.js';
import { describeBounds } from '../config/settings.js';
import { driveError } from '../drives/drive-file.js';
import { installHint } from '../host/install-hint.js';
import { lastLines } from '../process/tail.js';

/** What is known of a machine that did not come up. */
export interface BootFailure {
  /** For people: `qemu exited with status 1`. */
  readonly what: string;
  /** What qemu itself said. */
  readonly stderr: string;
  /** The appliance's console and what qemu said, as they came. */
  readonly console: string;
  readonly drives: readonly DriveConfig[];
  readonly memsize: number;
  readonly cause?: unknown;
}

/** The error for a qemu that ended before the daemon was up: names the cause where its output tells it. */
export function explainExit(failure: BootFailure): GuestfsError {
  return explainDrive(failure) ?? explainMachine(failure);
}

interface Known {
  readonly pattern: RegExp;
  readonly what: string;
  readonly hint: string;
}

const DRIVE_CAUSES: readonly Known[] = [
  {
    pattern: /Failed to get (?:shared )?"(?:write|consistent read|resize)" lock|Failed to lock byte/,
    what: 'is in use by another process',
    hint:
      'shut down the virtual machine or the other handle that uses it, or add it with readonly: true; one handle may have ' +
      'it for writing only once, by whatever name, and not also as the backing file of another drive',
  },
  {
    pattern: /Permission denied/,
    what: 'may not be opened by qemu',
    hint: 'make the file and its backing files readable for you, and writable unless it is added with readonly: true',
  },
  {
    pattern: /Unknown (?:driver|protocol) '[^']*'/,
    what: 'has a format or a protocol that this qemu does not know',
    hint: `correct the format, or ${installHint('block drivers')}`,
  },
  {
    pattern: /Could not open backing (?:file|image)/,
    what: 'has a backing file that cannot be opened',
    hint: 'see the log for its name; make it readable, or put it back to where the image has it: qemu-img info FILE',
  },
  {
    pattern:
      /Image is not in \S+ format|does(?: not|n't) look like|Invalid (?:footer|header|signature)|not a valid \S+ image|Unsupported \S+ version/i,
    what: 'is not in the format that was given',
    hint: 'leave out the format, or correct it: qemu-img info FILE',
  },
  {
    pattern: /does not support writes|is read-only|Read-only file system/,
    what: 'cannot be written',
    hint: 'add it with readonly: true',
  },
  {
    pattern:
      /Connection refused|Failed to connect|No route to host|Name or service not known|Could not resolve host|address resolution failed/i,
    what: 'cannot be reached',
    hint: 'check the server and the port, and that the server runs',
  },
  {
    pattern: /request alignment|physical_block_size|logical_block_size|block size/i,
    what: 'does not fit the block size',
    hint: 'leave out blocksize, or make the size of the disk a multiple of it',
  },
];

/** qemu repeats the option it stumbled on, which starts with the drive's id; a device names its drive. */
const DRIVE_ID = /-drive id=hd([0-9]+),|-device scsi-hd,[^\n]*?drive=hd([0-9]+)\b|-object secret,id=secret([0-9]+),/;

function explainDrive({ stderr, drives, cause }: BootFailure): GuestfsError | null {
  const match = DRIVE_ID.exec(stderr);
  if (match === null) return null;
  const drive = drives[Number(match[1] ?? match[2] ?? match[3])];
  if (drive === undefined) return null;
  const said = stderr.slice(match.index);
  const known = DRIVE_CAUSES.find(({ pattern }) => pattern.test(said));
  const log = lastLines(stderr);
  if (known !== undefined) return driveError(drive, known.what, known.hint, cause, log);
  return driveError(
    drive,
    'was refused by qemu',
    'see the log; qemu-img info FILE and qemu-img check FILE tell more',
    cause,
    log,
  );
}

const MACHINE_CAUSES: readonly Known[] = [
  {
    pattern: /cannot set up guest memory|Cannot allocate memory/,
    what: 'there is not enough memory',
    hint: `give it less with LIBGUESTFS_MEMSIZE (${describeBounds('memsize')}), or free memory`,
  },
  {
    pattern:
      /failed to set MSR|kvm_buf_set_msrs|KVM_(?:CREATE|RUN|SET|GET)\w*|KVM internal error|failed to initialize kvm|Could not access KVM/i,
    what: 'KVM does not work on this host',
    hint: 'use software emulation: LIBGUESTFS_BACKEND_SETTINGS=force_tcg',
  },
  {
    pattern: /invalid accelerator|No accelerator found/,
    what: 'this qemu does not have the accelerator',
    hint: 'use software emulation: LIBGUESTFS_BACKEND_SETTINGS=force_tcg',
  },
  {
    pattern: /: invalid option|is not a valid|Property '[^']*' not found|Invalid parameter/,
    what: 'qemu does not take one of its parameters',
    hint: 'check the parameters given by config(), and that qemu is 5.0 or newer',
  },
  {
    pattern: /Out of memory: Kill|Kernel panic - not syncing: (?:System is deadlocked on memory|Out of memory)/,
    what: 'the appliance ran out of memory',
    hint: 'give it more with LIBGUESTFS_MEMSIZE',
  },
  {
    pattern: /Kernel panic - not syncing/,
    what: 'the kernel of the appliance panicked',
    hint: 'see the log; run again with LIBGUESTFS_DEBUG=1 for all of it',
  },
  {
    pattern: /Failed to connect to virtio-serial channel/,
    what: 'the daemon did not find its port',
    hint: 'use a kernel with virtio-serial for the appliance (SUPERMIN_KERNEL), or a newer qemu',
  },
];

function explainMachine({ what, stderr, console, cause }: BootFailure): GuestfsError {
  const log = lastLines(console);
  if (/No space left on device/.test(stderr)) {
    return new GuestfsError('ERR_GUESTFS_NO_SPACE', `${what}, because a disk of this host is full`, {
      hint: 'make room in the temporary directory (df -h), or choose another with LIBGUESTFS_TMPDIR',
      log,
      cause,
    });
  }
  const known =
    MACHINE_CAUSES.find(({ pattern }) => pattern.test(stderr)) ??
    MACHINE_CAUSES.find(({ pattern }) => pattern.test(console));
  const message = `${what} before the appliance was up${known === undefined ? '' : `: ${known.what}`}`;
  return new GuestfsError('ERR_GUESTFS_QEMU_EXITED', message, {
    hint: known?.hint ?? 'see the log; run again with LIBGUESTFS_DEBUG=1 for all of it',
    log,
    cause,
  });
}

/** The error for a launch that took too long; `account` says what was waited for, and how long. */
export function explainTimeout(
  milliseconds: number,
  { console, cause, account = '' }: Pick<BootFailure, 'console' | 'cause'> & { readonly account?: string },
): GuestfsError {
  const waits = account === '' ? '' : `; it waited ${account}`;
  const message = `the appliance was not up after ${milliseconds / 1000} s${waits}`;
  return new GuestfsError('ERR_GUESTFS_LAUNCH_TIMEOUT', message, {
    operation: 'launch',
    hint: 'see where the log ends; run again with LIBGUESTFS_DEBUG=1 for all of it, or allow more time on a slow machine',
    log: lastLines(console),
    cause,
  });
}
