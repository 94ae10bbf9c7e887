import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasCommand } from './packages.mjs';
import { must, run } from './run.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Refuses a Node that is too old, before anything else runs. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(
    `This needs Node 20.19 or newer; this is ${process.versions.node}. Install a newer one from nodejs.org.`,
  );
  process.exit(1);
}

/** Installs the system packages that are missing, or prints the command that would and stops. */
export async function installSystemPackages(packages) {
  const missing = packages.filter((entry) => !entry.there()).map((entry) => entry.package);
  if (missing.length === 0) return;
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', ...missing];
  if (!hasCommand('apt-get')) {
    console.error(`Missing on this machine (by their Debian names): ${missing.join(', ')}.`);
    console.error(`On Debian or Ubuntu: sudo apt-get update && sudo ${install.join(' ')}`);
    console.error(
      'Elsewhere install qemu, supermin and the libguestfs appliance with the system’s own package manager.',
    );
    process.exit(1);
  }
  const isRoot = process.getuid?.() === 0;
  const prefix = isRoot ? [] : ['sudo', '-n'];
  // A user who may run apt-get alone is enough.
  const allowed = ['-n', '-l', 'apt-get', 'install'];
  if (!isRoot && (!hasCommand('sudo') || (await run('sudo', allowed, { stdio: 'ignore' })) !== 0)) {
    console.error('System packages are missing, and this user may not install them. Run this, then try again:\n');
    console.error(`  sudo apt-get update && sudo ${install.join(' ')}\n`);
    process.exit(1);
  }
  console.log(`Installing system packages: ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const quiet = { env, stdio: ['ignore', 'ignore', 'inherit'] };
  const [updateCommand, ...updateArgs] = [...prefix, 'apt-get', 'update', '-qq'];
  await run(updateCommand, updateArgs, quiet);
  const [command, ...args] = [...prefix, ...install, '-qq'];
  await must(command, args, quiet);
}

/** Installs the npm packages of the lock file, unless that was done since it last changed. */
export async function installNpmPackages() {
  const marker = join(root, 'node_modules', '.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return;
  console.log('Installing npm packages');
  await must('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root });
}

/** Builds all packages; unchanged ones come from the cache. */
export async function build() {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', TURBO_NO_UPDATE_NOTIFIER: '1' };
  await must('npx', ['--no-install', 'turbo', 'run', 'build', '--output-logs=errors-only'], { cwd: root, env });
}
