import { GuestfsError } from '../../../protocol/errors.js';
import type { QmpClient } from '../../qmp/client.js';
import type { QmpVersion } from '../../qmp/messages.js';

/** The memory is in a file of its own; only the rest goes to or comes from the state file. */
async function setCapabilities(qmp: QmpClient): Promise<void> {
  const capabilities = ['x-ignore-shared', 'events'].map((capability) => ({ capability, state: true }));
  await qmp.execute('migrate-set-capabilities', { capabilities });
}

async function finished(qmp: QmpClient): Promise<void> {
  const { data } = await qmp.event(
    ({ name, data }) => name === 'MIGRATION' && ['completed', 'failed', 'cancelled'].includes(String(data['status'])),
  );
  if (data['status'] === 'completed') return;
  throw new GuestfsError(
    'ERR_GUESTFS_UNSUPPORTED',
    `qemu could not move the machine's state: ${String(data['status'])}`,
  );
}

/** Stops the machine and writes its state, all but the memory, to a file. */
export async function saveState(qmp: QmpClient, version: QmpVersion, file: string): Promise<void> {
  await qmp.execute('stop');
  await setCapabilities(qmp);
  const done = finished(qmp);
  done.catch(() => undefined);
  await qmp.execute('migrate', { uri: stateUri(version, file, '>') });
  await done;
}

/** Loads a state into a machine that was started with `-incoming defer`; it stands still until it is told to go on. */
export async function loadState(qmp: QmpClient, version: QmpVersion, file: string): Promise<void> {
  await setCapabilities(qmp);
  const done = finished(qmp);
  done.catch(() => undefined);
  await qmp.execute('migrate-incoming', { uri: stateUri(version, file, '<') });
  await done;
}

/** qemu reads and writes files itself since 8.2; before, a shell's `cat` does. */
export function stateUri({ major, minor }: QmpVersion, file: string, direction: '<' | '>'): string {
  if (major > 8 || (major === 8 && minor >= 2)) return `file:${file}`;
  return `exec:cat ${direction} '${file.replaceAll("'", String.raw`'\''`)}'`;
}
