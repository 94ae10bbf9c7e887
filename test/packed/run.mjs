import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPacked } from './install.mjs';

/**
 * Plays hard cases of users against the packed product on the real appliance, each cold and warm.
 *
 * `npm run test:packed` plays all; names of cases as arguments play only these.
 */
const here = fileURLToPath(new URL('.', import.meta.url));
const LIMIT = 300_000;
const cases = readdirSync(join(here, 'cases')).filter((file) => file.endsWith('.mjs'));
const wanted = process.argv.slice(2);
const folder = mkdtempSync('/var/tmp/guestfs-packed-');
let passed = 0;
let failed = 0;

try {
  console.log('packing');
  installPacked(folder);
  for (const file of ['support.mjs', ...cases.map((name) => join('cases', name))]) {
    mkdirSync(join(folder, 'cases'), { recursive: true });
    copyFileSync(join(here, file), join(folder, file));
  }
  const cache = join(folder, 'cache');
  mkdirSync(cache);
  console.log('preparing a template');
  await run(join(folder, 'node_modules/guestfs/bin/guestfs.js'), ['warm'], { LIBGUESTFS_CACHEDIR: cache });
  for (const name of cases.map((file) => file.slice(0, -'.mjs'.length))) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    for (const way of ['cold', 'warm']) {
      const work = mkdtempSync(join(folder, `${name}-`));
      const environment = { LIBGUESTFS_CACHEDIR: cache, GUESTFS_WARM: way === 'warm' ? '1' : '0', WORK: work };
      const started = Date.now();
      const { status, output } = await run(join(folder, 'cases', `${name}.mjs`), [], environment);
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      if (status === 0) passed++;
      else failed++;
      console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}, ${way} (${seconds} s)`);
      if (status !== 0) console.log(output.replace(/^/gm, '    '));
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/** Runs a program to its end, or kills it after a limit. */
function run(program, args, environment) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (output += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status: status ?? `killed by ${signal}`, output });
    });
  });
}
