import { parseArgs } from 'node:util';
import { makeFixedAppliance } from '@guestfs/attach';
import type { Command } from './command.js';

/** `guestfs make-fixed-appliance`: an appliance for machines without supermin. */
export const makeFixedApplianceCommand: Command = {
  name: 'make-fixed-appliance',
  summary: 'make an appliance that needs neither supermin nor a kernel where it is used',
  usage: `Usage: guestfs make-fixed-appliance FOLDER

Writes kernel, initrd, root (a compressed qcow2 image) and README.fixed into a new folder of about 200 MB. Copy it to any
machine with qemu and the same kind of CPU, and set LIBGUESTFS_PATH to it there.`,

  async run(args) {
    const { positionals } = parseArgs({ args: [...args], allowPositionals: true, options: {} });
    const [folder, ...more] = positionals;
    if (folder === undefined || more.length > 0) {
      console.error(this.usage);
      return 2;
    }
    const stop = new AbortController();
    const interrupt = (): void => stop.abort(new Error('interrupted'));
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    try {
      const made = await makeFixedAppliance(folder, { signal: stop.signal, onMessage: (line) => console.log(line) });
      console.log(`Made ${made.folder}: ${Math.round(made.bytes / 1024 ** 2)} MB`);
      return 0;
    } finally {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    }
  },
};
