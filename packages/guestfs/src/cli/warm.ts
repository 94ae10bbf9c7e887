import { parseArgs } from 'node:util';
import { prepareAppliance } from '../prepare-appliance.js';
import type { Command } from './command.js';

/** `guestfs warm`: makes the template from which launches start. */
export const warm: Command = {
  name: 'warm',
  summary: 'prepare the appliance, so that launches take a fraction of a second',
  usage: `Usage: guestfs warm [--quiet] [--verbose]

Builds the appliance, boots it once and keeps the machine as a template, from which later launches start. It is kept in
the cache folder (LIBGUESTFS_CACHEDIR, else TMPDIR, else /var/tmp) and takes about 200 MB. Where the template is there
already, nothing is done. The LIBGUESTFS_* variables count as they do for a launch.

  --quiet    say nothing but errors
  --verbose  show every step`,

  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: { quiet: { type: 'boolean', default: false }, verbose: { type: 'boolean', default: false } },
    });
    const begin = performance.now();
    const stop = new AbortController();
    const interrupt = (): void => stop.abort(new Error('interrupted'));
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    try {
      if (!values.quiet) console.log('Preparing the appliance …');
      const { template, folder, made } = await prepareAppliance({
        signal: stop.signal,
        ...(values.verbose && { onMessage: (event) => console.log(event.text.trimEnd()) }),
      });
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      if (!values.quiet)
        console.log(
          made
            ? `Made the template ${template} in ${seconds} s: ${folder}`
            : `The template ${template} is there already: ${folder}`,
        );
      return 0;
    } finally {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    }
  },
};
