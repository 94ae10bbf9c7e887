import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { GuestfsError } from '@guestfs/core';
import {
  codeOf,
  environmentDefaults,
  findProgram,
  hostCpu,
  installHint,
  lastLines,
  prepareAppliance,
  runCommand,
  SingleFlight,
} from '@guestfs/core/appliance';

export interface FixedApplianceOptions {
  /** Folders searched for the appliance to copy; default LIBGUESTFS_PATH, else the usual ones. */
  readonly path?: readonly string[] | undefined;
  /** Where a supermin appliance is built; default LIBGUESTFS_CACHEDIR, else /var/tmp. */
  readonly cachedir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of every step. */
  readonly onMessage?: ((line: string) => void) | undefined;
}

export interface FixedAppliance {
  readonly folder: string;
  /** The space that its files take, in bytes. */
  readonly bytes: number;
}

/** How long compressing may take, in milliseconds. */
const CONVERT_LIMIT = 30 * 60_000;

const README = `This folder is a fixed appliance of guestfs: a kernel, an initrd, and the root filesystem as a compressed qcow2 image.

Copy the whole folder to any machine with QEMU and the same kind of CPU, and set LIBGUESTFS_PATH to it. Neither supermin
nor a kernel is needed there. Make it anew now and then: its programs are as old as the folder.
`;

/**
 * Makes a folder with an appliance that needs neither supermin nor a kernel where it is used.
 *
 * The folder must not be there yet, or be empty; it appears only when it is complete. The appliance of the path is built
 * first where only its skeleton is there. Rejects as a launch does for an appliance that cannot be built, and with
 * `ERR_GUESTFS_ARGUMENT` for a folder that holds other files. Those that ask for the same at once get the same.
 */
export async function makeFixedAppliance(folder: string, options: FixedApplianceOptions = {}): Promise<FixedAppliance> {
  const target = resolve(folder);
  const defaults = environmentDefaults(process.env);
  const path = (options.path ?? defaults.path).filter((place) => resolve(place) !== target);
  const cachedir = options.cachedir ?? defaults.cachedir;
  const { signal, onMessage: log = () => undefined } = options;
  return making.run(JSON.stringify([target, path, cachedir]), signal, (shared) =>
    makeInto(target, { path, cachedir, log, signal: shared }),
  );
}

/** What this process is making. */
const making = new SingleFlight<FixedAppliance>();

interface Making {
  readonly path: readonly string[];
  readonly cachedir: string;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

async function makeInto(target: string, { path, cachedir, log, signal }: Making): Promise<FixedAppliance> {
  await refuseUsedFolder(target);
  const { kernel, initrd, root, rootFormat } = await prepareAppliance({
    path,
    cachedir,
    cpu: hostCpu(),
    verbose: false,
    signal,
    log,
  });
  if (root === null) {
    throw new GuestfsError(
      'ERR_GUESTFS_UNSUPPORTED',
      'the appliance found is of the old style, without a root of its own',
      {
        hint: 'set LIBGUESTFS_PATH to a directory with supermin.d',
      },
    );
  }
  await mkdir(dirname(target), { recursive: true });
  const part = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
  try {
    log(`copying the kernel and the initrd to ${target}`);
    await copyFile(kernel, join(part, 'kernel'));
    await copyFile(initrd, join(part, 'initrd'));
    log('compressing the root filesystem');
    await convert(root, rootFormat, join(part, 'root'), signal);
    await writeFile(join(part, 'README.fixed'), README);
    await readableForAll(part);
    await rmdir(target).catch(() => undefined);
    await rename(part, target);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    signal.throwIfAborted();
    throw explain(error, target);
  }
  return { folder: target, bytes: await sizeOf(target) };
}

async function refuseUsedFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `${folder} is not a directory that can be used`, {
      hint: 'name a directory that is not there yet',
      cause: error,
    });
  });
  if (names.length === 0) return;
  throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `the directory ${folder} is not empty`, {
    hint: 'name a directory that is not there yet, or remove that one',
  });
}

async function convert(root: string, format: string, target: string, signal: AbortSignal): Promise<void> {
  const program = await findProgram('qemu-img');
  if (program === null)
    throw new GuestfsError('ERR_GUESTFS_QEMU_NOT_FOUND', 'qemu-img is not installed', {
      hint: installHint('qemu-img'),
    });
  // Blocks may be written in any order: the image is not grown by it, and all CPUs compress.
  const args = ['convert', '-q', '-c', '-W', '-U', '-f', format, '-O', 'qcow2', root, target];
  const result = await runCommand(program, args, { signal, timeout: CONVERT_LIMIT, env: { LC_ALL: 'C' } });
  signal.throwIfAborted();
  if (result.failure === null) return;
  const full = /No space left on device|Disk quota exceeded/.test(result.output);
  throw new GuestfsError(
    full ? 'ERR_GUESTFS_NO_SPACE' : 'ERR_GUESTFS_APPLIANCE_BUILD',
    `the root filesystem could not be compressed: qemu-img ${result.failure}`,
    {
      hint: full ? 'make room (df -h); the appliance takes about 200 MB' : 'see the log below',
      log: lastLines(result.output),
    },
  );
}

async function readableForAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const name of await readdir(folder)) await chmod(join(folder, name), 0o644);
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
  return bytes;
}

function explain(error: unknown, folder: string): unknown {
  if (GuestfsError.is(error)) return error;
  const full = codeOf(error) === 'ENOSPC';
  return new GuestfsError(
    full ? 'ERR_GUESTFS_NO_SPACE' : 'ERR_GUESTFS_APPLIANCE_BUILD',
    `the appliance could not be written to ${folder}`,
    {
      hint: full
        ? 'make room (df -h); the appliance takes about 200 MB'
        : 'check your rights to the directory above it',
      cause: error,
    },
  );
}
