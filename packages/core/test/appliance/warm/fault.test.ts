import { expect, test } from '@jest/globals';
import { GuestfsError } from '../../../src/protocol/errors.js';
import type { MachineProcess } from '../../../src/appliance/boot/machine-process.js';
import type { ProcessEnd } from '../../../src/appliance/process/run.js';
import { RunFailure } from '../../../src/appliance/warm/machine/machine-run.js';
import {
  HostBusyError,
  isTemplateAtFault,
  RestoreFailure,
  type RestoreStep,
} from '../../../src/appliance/warm/restore/fault.js';

const EXIT: ProcessEnd = { exitCode: 1, signal: null, description: 'exited with status 1' };
const KILL: ProcessEnd = { exitCode: null, signal: 'SIGKILL', description: 'was killed by SIGKILL' };
const CRASH: ProcessEnd = { exitCode: null, signal: 'SIGSEGV', description: 'was killed by SIGSEGV' };
const refused = new GuestfsError('ERR_GUESTFS_UNSUPPORTED', 'qemu could not move the state: failed');
const late = new GuestfsError('ERR_GUESTFS_LAUNCH_TIMEOUT', 'the appliance did not come up');
const inUse = new GuestfsError('ERR_GUESTFS_DRIVE', 'the drive is in use');

function failure(step: RestoreStep, end: ProcessEnd | null, stderr = '', cause?: unknown): RestoreFailure {
  return new RestoreFailure(step, new RunFailure({ stderr: { text: stderr } } as MachineProcess, end, cause));
}

test.each<[string, RestoreFailure, boolean]>([
  ['qemu refuses the devices of the template', failure('start', EXIT, 'qemu: -device: bad'), true],
  ['qemu ends while it loads', failure('load', EXIT, 'error while loading state'), true],
  ['qemu crashes while it loads', failure('load', CRASH), true],
  ['qemu says that the state did not load', failure('load', null, '', refused), true],
  ['the machine stays silent', failure('wake', null, '', new Error('no sign of life')), true],
  ['the machine ends by itself when it runs', failure('wake', EXIT), true],
  ['qemu refuses a disk', failure('disks', null, '', inUse), false],
  ['qemu ends over a disk', failure('disks', EXIT), false],
  ['the disks do not come up', failure('scan', null, '', late), false],
  ['the guest dies of a disk', failure('scan', EXIT), false],
  ['qemu is killed from outside', failure('load', KILL), false],
  ['the host has no memory', failure('start', EXIT, 'cannot set up guest memory: Cannot allocate memory'), false],
  ['the host has no room', failure('load', EXIT, 'write failed: No space left on device'), false],
  ['the temporary folder is gone', failure('start', EXIT, "Could not open temporary file '/gone/vl.x'"), false],
  ['the host has no descriptors', failure('start', EXIT, 'Too many open files'), false],
  ['KVM is gone', failure('start', EXIT, 'Could not access KVM kernel module'), false],
  ['the host is too busy to load', failure('load', null, '', new HostBusyError('not within 30000 ms')), false],
  ['the host is too busy to run it', failure('wake', null, '', new HostBusyError('no sign of life')), false],
  ['qemu takes too long over something', new RestoreFailure('start', late), false],
  ['qemu could not be started', new RestoreFailure('start', new Error('spawn EAGAIN')), false],
])('%s', (_, error, fault) => {
  expect(isTemplateAtFault(error)).toBe(fault);
});
