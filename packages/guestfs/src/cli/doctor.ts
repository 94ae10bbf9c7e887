import { parseArgs } from 'node:util';
import { diagnose, formatDiagnosis } from '@guestfs/attach';
import { BootLog, formatBootChart } from '@guestfs/attach/internal';
import { GuestfsError } from '@guestfs/core';
import { Guestfs } from '../guestfs.js';
import type { Command } from './command.js';

/** `guestfs doctor`: says what keeps launches from working or from being fast. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'check what a launch needs, and say how to mend it',
  usage: `Usage: guestfs doctor [--json] [--boot]

Checks qemu, its accelerators (by really running a kernel), the appliance, the kernel, space, folders, sockets and libvirt:
a line for each, and below it what to do. The LIBGUESTFS_* variables count as they do for a launch. The exit status is 0
when a launch can be expected to work at full speed, else 1.

  --json  print the results as JSON
  --boot  launch once more, verbosely and from cold, and show where its time goes; usual launches leave much of it out`,

  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: { json: { type: 'boolean', default: false }, boot: { type: 'boolean', default: false } },
    });
    const results = await diagnose();
    const broken = results.filter(({ status }) => status === 'failed').length;
    console.log(values.json ? JSON.stringify(results, null, 2) : formatDiagnosis(results));
    if (!values.json) console.log(broken === 0 ? '\nAll is well.' : `\n${broken} of ${results.length} checks failed.`);
    const booted = values.boot ? await showBoot() : true;
    return broken === 0 && booted ? 0 : 1;
  },
};

async function showBoot(): Promise<boolean> {
  console.log('\nBooting an appliance …');
  await using g = new Guestfs();
  g.setVerbose(true);
  const log = new BootLog();
  const begin = performance.now();
  const now = (): number => performance.now() - begin;
  g.on('appliance', ({ text }) => log.add(text, now()));
  // Taken, so that they do not go to stderr.
  g.on('library', () => undefined);
  g.on('warning', ({ text }) => console.log(`warning: ${text.trimEnd()}`));
  try {
    await g.launch();
  } catch (error) {
    console.log(formatBootChart(log.finish(now())));
    console.error(GuestfsError.is(error) ? error.message : error);
    return false;
  }
  console.log(formatBootChart(log.finish(now())));
  return true;
}
