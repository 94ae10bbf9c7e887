import { constants } from 'node:fs';
import { access, readdir, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SingleFlight } from '../../waiting/single-flight.js';
import { GuestfsError } from '../../protocol/errors.js';
import { openCacheFolder } from '../host/folders.js';
import { withFileLock } from '../process/file-lock.js';
import { installHint } from '../host/install-hint.js';
import { findProgram } from '../process/find-program.js';
import { runCommand, type CommandResult } from '../process/run.js';
import { lastLines } from '../process/tail.js';
import type { HostCpu } from '../qemu/architecture.js';
import { holdFiles } from './held-files.js';
import type { ApplianceFiles } from './search.js';

export interface BuildOptions {
  /** The folder that holds `supermin.d`. */
  readonly folder: string;
  readonly cachedir: string;
  readonly cpu: HostCpu;
  readonly verbose: boolean;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** Builds that this process has asked for. */
const builds = new SingleFlight<ApplianceFiles>();

/**
 * Builds the appliance of a supermin skeleton into the cache folder, unless it is there and newer than its sources.
 *
 * It is built once for all that ask for it at the same time: in this process they share one run of supermin, and processes
 * take turns. supermin has a lock of its own, which keeps the builds of upstream's programs and of this library apart; but
 * it looks whether the appliance is new before it waits for that one, so that everybody who waited would build it anew.
 */
export async function buildAppliance(options: BuildOptions): Promise<ApplianceFiles> {
  const { folder, cachedir, cpu, verbose } = options;
  const { SUPERMIN_KERNEL: kernel = '', SUPERMIN_MODULES: modules = '' } = process.env;
  const key = JSON.stringify([resolve(folder), resolve(cachedir), cpu, verbose, kernel, modules]);
  return builds.run(key, options.signal, (signal) => buildOnce({ ...options, signal }));
}

async function buildOnce(options: BuildOptions): Promise<ApplianceFiles> {
  const supermin = await findProgram('supermin');
  if (supermin === null) {
    throw new GuestfsError(
      'ERR_GUESTFS_APPLIANCE_BUILD',
      `supermin, which builds the appliance of ${options.folder}, is not installed`,
      {
        hint: installHint('supermin'),
      },
    );
  }
  const cache = await openCacheFolder(options.cachedir);
  const { signal, log } = options;
  return withFileLock(join(cache, 'build.lock'), { what: 'builds the appliance', signal, log }, () =>
    runSupermin(supermin, cache, options),
  );
}

async function runSupermin(supermin: string, cache: string, options: BuildOptions): Promise<ApplianceFiles> {
  const target = join(cache, 'appliance.d');
  const args = superminArguments(options, join(cache, 'lock'), target);
  const result = await runCommand(supermin, args, {
    signal: options.signal,
    timeout: BUILD_LIMIT,
    log: options.log,
    env: { LC_ALL: 'C', TMPDIR: options.cachedir },
  });
  options.signal.throwIfAborted();
  if (result.failure !== null) throw await explainFailure(result, options.cachedir);
  if (options.verbose && result.output !== '') options.log(lastLines(result.output, 100));
  const files = { kernel: join(target, 'kernel'), initrd: join(target, 'initrd'), root: join(target, 'root') };
  await keepFresh(Object.values(files));
  return holdFiles(files);
}

/** How long supermin may take, in milliseconds: it waits for others that build, and reads the package manager's files. */
const BUILD_LIMIT = 600_000;

/** supermin's arguments for a build. */
export function superminArguments(
  options: Pick<BuildOptions, 'folder' | 'cpu' | 'verbose'>,
  lock: string,
  target: string,
): string[] {
  return [
    '--build',
    ...(options.verbose ? ['--verbose'] : []),
    '--if-newer',
    '--lock',
    lock,
    '--copy-kernel',
    '-f',
    'ext2',
    '--host-cpu',
    options.cpu,
    join(options.folder, 'supermin.d'),
    '-o',
    target,
  ];
}

/** Files that were touched within this time are left alone, in milliseconds: a new time makes others read them anew. */
const FRESH_FOR = 60 * 60 * 1000;

/** Sets the files' times to now: the cleaners of /var/tmp remove what was not touched for long. */
async function keepFresh(files: readonly string[]): Promise<void> {
  const now = new Date();
  await Promise.all(
    files.map(async (file) => {
      const { mtimeMs } = await stat(file);
      if (now.getTime() - mtimeMs > FRESH_FOR) await utimes(file, now, now);
    }),
  ).catch(() => undefined);
}

async function explainFailure(result: CommandResult, cachedir: string): Promise<GuestfsError> {
  const log = lastLines(result.output);
  const message = `supermin could not build the appliance: it ${result.failure}`;
  if (/no space left on device|disk quota exceeded/i.test(result.output)) {
    return new GuestfsError('ERR_GUESTFS_NO_SPACE', `${message}, because the disk of ${cachedir} is full`, {
      hint: `make room (df -h ${cachedir}), or set LIBGUESTFS_CACHEDIR to a directory on another disk`,
      log,
    });
  }
  const kernel = process.env['SUPERMIN_KERNEL'] || null;
  const unreadable = await unreadableKernel(kernel, result.output);
  if (unreadable !== null) {
    return new GuestfsError(
      'ERR_GUESTFS_KERNEL_UNREADABLE',
      `${message}, because the kernel ${unreadable} cannot be read`,
      {
        hint: `sudo chmod 0644 ${unreadable}`,
        log,
      },
    );
  }
  if (/failed to find a suitable kernel|no kernels? (?:was |were )?found/i.test(result.output)) {
    return new GuestfsError('ERR_GUESTFS_APPLIANCE_BUILD', `${message}, because no kernel is installed`, {
      hint: 'install a kernel for the appliance: sudo apt install linux-image-amd64, or sudo dnf install kernel-core; or set SUPERMIN_KERNEL and SUPERMIN_MODULES',
      log,
    });
  }
  return new GuestfsError('ERR_GUESTFS_APPLIANCE_BUILD', message, {
    hint: 'see the log above; with LIBGUESTFS_DEBUG=1 supermin tells more',
    log,
  });
}

/** The kernel that supermin needed and this user may not read; null where that is not the cause. */
async function unreadableKernel(chosen: string | null, output: string): Promise<string | null> {
  if (!/permission denied/i.test(output)) return null;
  const names = await readdir('/boot').catch(() => []);
  const kernels =
    chosen === null ? names.filter((name) => /^vmlinu[xz]-/.test(name)).map((name) => `/boot/${name}`) : [chosen];
  const named = kernels.find((kernel) => output.includes(kernel));
  if (named !== undefined) return named;
  for (const kernel of kernels) if (!(await readable(kernel))) return kernel;
  return null;
}

function readable(file: string): Promise<boolean> {
  return access(file, constants.R_OK).then(
    () => true,
    () => false,
  );
}
