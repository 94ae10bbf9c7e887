import type { QmpClient } from '../qmp/client.js';
import type { QmpEvent } from '../qmp/messages.js';
import { formatOptions } from '../qemu/options.js';
import { machineEvent } from './events.js';
import { MachineMonitor, type MonitorOptions } from './monitor.js';

/** qemu's arguments for its machine protocol, to a socket on which this library listens. */
export function monitorArguments(socket: string): string[] {
  return [
    '-chardev',
    formatOptions([
      ['socket', null],
      ['path', socket],
      ['id', 'qmp'],
    ]),
    '-mon',
    formatOptions([
      ['chardev', 'qmp'],
      ['mode', 'control'],
    ]),
  ];
}

/**
 * Follows a qemu of ours by its machine protocol, which keeps no program from ending. Where that connection is not to be
 * had, or ends before qemu does, nothing fails: nothing more is told then.
 */
export function monitorQemu(
  opening: QmpClient | Promise<QmpClient>,
  { kill, ...options }: Omit<MonitorOptions, 'control'> & { readonly kill: () => void },
): MachineMonitor {
  const client = Promise.resolve(opening);
  let closed = false;
  const monitor = new MachineMonitor({
    ...options,
    control: {
      resume: async () => (await client).execute('cont'),
      runState: async () => String(((await (await client).execute('query-status')) as { status?: unknown }).status),
      kill,
      close: () => {
        closed = true;
        client.then(
          (qmp) => qmp.close(),
          () => undefined,
        );
      },
    },
  });
  const end = (): void => {
    if (!closed) options.log('the control connection to qemu ended');
  };
  const event = (told: QmpEvent): void => {
    const known = machineEvent(told);
    if (known !== null) monitor.read(known);
  };
  client.then((qmp) => {
    qmp.unref();
    qmp.listen({ event, end });
  }, end);
  return monitor;
}
