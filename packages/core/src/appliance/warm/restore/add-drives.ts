import { GuestfsError } from '../../../protocol/errors.js';
import { within } from '../../../waiting/within.js';
import { withDrives } from '../../boot/launch-deadline.js';
import type { DriveConfig } from '../../config/config.js';
import { checkDriveWords, MAXIMUM_DRIVES } from '../../drives/check.js';
import { checkDrives, prepareDrives } from '../../drives/prepare.js';
import { explainExit } from '../../boot/failure.js';
import type { MachineHome } from '../../boot/home.js';
import type { MachineMonitor } from '../../monitor/monitor.js';
import type { QmpClient } from '../../qmp/client.js';
import { diskArguments } from '../machine/machine.js';
import type { GuestHelper } from '../machine/wake.js';

/** What an option of the command line is called while the machine runs. */
const COMMANDS: Readonly<Record<string, string>> = {
  '-object': 'object_add',
  '-drive': 'drive_add 0',
  '-device': 'device_add',
};

interface Running {
  readonly home: MachineHome;
  readonly qmp: QmpClient;
  readonly monitor: MachineMonitor;
  readonly helper: GuestHelper;
  /** The most that adding the disks may take, in milliseconds. */
  readonly timeout: number;
}

/** Adds the user's disks to a machine that runs without any, with the same options as on a command line. */
export function driveAdder({
  home,
  qmp,
  monitor,
  helper,
  timeout,
}: Running): (drives: readonly DriveConfig[]) => Promise<void> {
  let used = false;
  return async (drives) => {
    if (used) throw new GuestfsError('ERR_GUESTFS_STATE', 'this machine has got its disks already');
    used = true;
    if (drives.length > MAXIMUM_DRIVES) {
      throw new GuestfsError(
        'ERR_GUESTFS_ARGUMENT',
        `an appliance takes ${MAXIMUM_DRIVES} drives, not ${drives.length}`,
      );
    }
    drives.forEach(checkDriveWords);
    const kinds = await checkDrives(drives);
    monitor.changeDisks(drives);
    const args = diskArguments(await prepareDrives(drives, kinds, home.folder));
    const adding = async (): Promise<void> => {
      for (let i = 0; i + 1 < args.length; i += 2) await add(qmp, args[i] ?? '', args[i + 1] ?? '', drives);
      await helper.wake(drives.length).ready;
    };
    await within(timeout, adding(), () => addingTookTooLong(timeout, drives));
    helper.close();
  };
}

function addingTookTooLong(timeout: number, drives: readonly DriveConfig[]): GuestfsError {
  const message = `the running appliance did not take the drives up: it was not ready ${withDrives({ drives })} within ${timeout / 1000} s`;
  return new GuestfsError('ERR_GUESTFS_LAUNCH_TIMEOUT', message, {
    hint: 'see whether each of them can be opened: qemu-img info --backing-chain FILE',
  });
}

async function add(qmp: QmpClient, option: string, value: string, drives: readonly DriveConfig[]): Promise<void> {
  const command = COMMANDS[option];
  if (command === undefined)
    throw new GuestfsError('ERR_GUESTFS_UNSUPPORTED', `${option} cannot be added to a running machine`);
  const answer = String(
    await qmp.execute('human-monitor-command', { 'command-line': `${command} ${quote(value)}` }),
  ).trim();
  if (answer === '' || answer === 'OK') return;
  throw explainExit({
    what: 'qemu refused a disk',
    // In the form in which qemu complains of its command line, which tells the drive.
    stderr: `${option} ${value}: ${answer}`,
    console: answer,
    drives,
    memsize: 0,
  });
}

/** A word of the human monitor; the same rules as for a string in C. */
function quote(text: string): string {
  return `"${text
    .replace(/["\\]/g, String.raw`\$&`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\r', String.raw`\r`)}"`;
}
