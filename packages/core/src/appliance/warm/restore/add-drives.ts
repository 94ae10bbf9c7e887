import { GuestfsError } from '../../../protocol/errors.js';
import { within } from '../../../waiting/within.js';
import { withDrives } from '../../boot/launch-deadline.js';
import type { DriveConfig } from '../../config/config.js';
import type { DriveKind } from '../../drives/drive-file.js';
import { checkDriveConfigs } from '../../drives/drive.js';
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
    checkDriveConfigs(drives);
    const kinds = await checkDrives(drives);
    monitor.changeDisks(drives);
    const adding = async (): Promise<void> => {
      await addDisks(qmp, home, drives, kinds);
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

/**
 * Adds disks to a machine that the guest then has to look for. Rejects as a cold launch does when qemu refuses one: like
 * there, all images are opened before the first gets its device, so that the same one is refused.
 */
export async function addDisks(
  qmp: QmpClient,
  home: MachineHome,
  drives: readonly DriveConfig[],
  kinds: readonly DriveKind[],
): Promise<void> {
  const args = diskArguments(await prepareDrives(drives, kinds, home.folder));
  const options = Array.from(
    { length: args.length / 2 },
    (_, i) => [args[2 * i] ?? '', args[2 * i + 1] ?? ''] as const,
  );
  const devices = options.filter(([option]) => option === '-device');
  const images = options.filter(([option]) => option !== '-device');
  // All are sent at once: qemu takes them one after another, and what comes after a refusal does no harm.
  const answers = [...images, ...devices].map(async ([option, value]) => add(qmp, option, value, drives));
  const refused = (await Promise.allSettled(answers)).find(({ status }) => status === 'rejected');
  if (refused?.status === 'rejected') throw refused.reason;
}

async function add(qmp: QmpClient, option: string, value: string, drives: readonly DriveConfig[]): Promise<void> {
  const command = COMMANDS[option];
  if (command === undefined)
    throw new GuestfsError('ERR_GUESTFS_UNSUPPORTED', `${option} cannot be added to a running machine`);
  const answer = String(await qmp.execute('human-monitor-command', { 'command-line': `${command} ${quote(value)}` }));
  const said = answer.split(/\r?\n/).filter((line) => line !== '' && line !== 'OK' && !/^warning: /i.test(line));
  if (said.length === 0) return;
  throw explainExit({
    what: 'qemu refused a disk',
    // In the form in which qemu complains of its command line, which tells the drive.
    stderr: `${option} ${value}: ${said.join('\n')}`,
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
