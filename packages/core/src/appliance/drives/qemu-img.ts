import { dirname, isAbsolute } from 'node:path';
import { z } from 'zod';
import { GuestfsError } from '../../protocol/errors.js';
import { checkChain } from './chain.js';
import { absolutePath } from './host-path.js';
import { isWellFormed } from '../../protocol/xdr/text.js';
import { installHint } from '../host/install-hint.js';
import { findProgram } from '../process/find-program.js';
import { runCommand, type CommandResult } from '../process/run.js';
import { lastLines } from '../process/tail.js';

export interface CreateDiskOptions {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  /** In bytes; -1 to take the backing file's. */
  readonly size: bigint | number;
  /** Stored as it is given; a relative name is meant from the folder of the image. */
  readonly backingfile?: string | undefined;
  /** Found out from the backing file when left out. */
  readonly backingformat?: string | undefined;
  readonly preallocation?: 'off' | 'sparse' | 'metadata' | 'full' | undefined;
  /** `0.10` or `1.1`; only for qcow2. */
  readonly compat?: string | undefined;
  /** In bytes, a power of two from 512 to 2 MiB; only for qcow2. */
  readonly clustersize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

/** What qemu-img tells of an image. */
export interface ImageInfo {
  readonly format: string;
  /** The size that a guest sees, in bytes. */
  readonly virtualSize: bigint;
  /** The space that the file takes on the host, in bytes; null where that is not known. */
  readonly actualSize: bigint | null;
  readonly backingFile: string | null;
  readonly backingFormat: string | null;
}

// qemu-img writes sizes as whole numbers: beyond 2^53 they must be read from the text, not from a rounded double.
const info = z.object({
  format: z.string(),
  'virtual-size': z.string().transform(BigInt),
  'actual-size': z.string().transform(BigInt).optional(),
  'backing-filename': z.string().optional(),
  'full-backing-filename': z.string().optional(),
  'backing-filename-format': z.string().optional(),
});

/** How long qemu-img may take to read an image's header, in milliseconds. */
const INFO_LIMIT = 60_000;

/** Creates a disk image, over whatever the file held. Errors: `ERR_GUESTFS_ARGUMENT`, `ERR_GUESTFS_NO_SPACE`, `ERR_GUESTFS_DRIVE`. */
export async function createDisk(options: CreateDiskOptions): Promise<void> {
  checkCreate(options);
  const backing = options.backingfile === undefined ? null : await describeBacking(options.backingfile, options);
  const result = await qemuImg(createArguments(options, backing), options);
  if (result.failure === null) return;
  const log = lastLines(result.stderr);
  if (/No space left on device|Disk quota exceeded|File too large/i.test(result.stderr)) {
    throw new GuestfsError('ERR_GUESTFS_NO_SPACE', `there is no room for the disk ${options.path}`, {
      hint: `make room (df -h), or create it elsewhere`,
      log,
    });
  }
  throw new GuestfsError(
    'ERR_GUESTFS_DRIVE',
    `the disk ${options.path} could not be created: qemu-img ${result.failure}`,
    {
      hint: 'check that the directory exists and that you may write to it',
      log,
    },
  );
}

/** Reads an image's format and sizes. `format` spares the detection, which an untrusted raw image could mislead. */
export async function imageInfo(
  path: string,
  options: Pick<CreateDiskOptions, 'signal' | 'log'> & { format?: string | undefined } = {},
): Promise<ImageInfo> {
  return describeImage(safeName(path), path, options);
}

async function describeImage(
  place: string,
  path: string,
  options: Pick<CreateDiskOptions, 'signal' | 'log'> & { format?: string | undefined },
): Promise<ImageInfo> {
  const { format } = options;
  // Also while a machine uses the image: nothing is written.
  const args = ['info', '--output=json', '--force-share', ...(format === undefined ? [] : ['-f', format]), '--', place];
  const result = await qemuImg(args, { ...options, timeout: INFO_LIMIT });
  if (result.failure !== null) {
    throw new GuestfsError(
      'ERR_GUESTFS_DRIVE',
      `the disk image ${path} could not be read: qemu-img ${result.failure}`,
      {
        hint: 'check that the file exists, that you may read it, and its format',
        log: lastLines(result.stderr),
      },
    );
  }
  const parsed = info.parse(JSON.parse(quoteNumbers(result.stdout)));
  return {
    format: parsed.format,
    virtualSize: parsed['virtual-size'],
    actualSize: parsed['actual-size'] ?? null,
    backingFile: parsed['backing-filename'] ?? null,
    backingFormat: parsed['backing-filename-format'] ?? null,
  };
}

/** qemu-img's arguments to create a disk. */
export function createArguments(
  options: CreateDiskOptions,
  backing: { readonly name: string; readonly format: string } | null,
): string[] {
  const settings = [
    ...(options.preallocation === undefined
      ? []
      : [`preallocation=${preallocationWord(options.format, options.preallocation)}`]),
    ...(options.compat === undefined ? [] : [`compat=${options.compat}`]),
    ...(options.clustersize === undefined ? [] : [`cluster_size=${options.clustersize}`]),
  ];
  return [
    'create',
    '-q',
    '-f',
    options.format,
    ...(backing === null ? [] : ['-b', backing.name, '-F', backing.format]),
    ...(settings.length === 0 ? [] : ['-o', settings.join(',')]),
    '--',
    safeName(options.path),
    ...(backing === null ? [String(options.size)] : []),
  ];
}

function preallocationWord(format: string, preallocation: string): string {
  if (preallocation === 'sparse' || preallocation === 'off') return 'off';
  return preallocation === 'full' ? 'falloc' : format === 'raw' ? 'off' : preallocation;
}

/** The name in a form in which qemu takes nothing in it for a protocol: `nbd:x` and `json:x` are files too. */
export function safeName(path: string): string {
  if (path.includes('\0') || !isWellFormed(path)) throw impossibleName(path);
  return `file:${absolutePath(path)}`;
}

function impossibleName(name: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', `the file name ${JSON.stringify(name)} cannot be given to qemu-img`, {
    hint: 'use a name in UTF-8 without a zero byte, or a link with such a name',
  });
}

function checkCreate(options: CreateDiskOptions): void {
  const refuse = (what: string, hint: string): never => {
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', what, { hint });
  };
  const { format, size, backingfile, preallocation, compat, clustersize } = options;
  if (format !== 'raw' && format !== 'qcow2')
    refuse(`disks of the format ${JSON.stringify(format)} cannot be created`, 'use raw or qcow2');
  if (backingfile !== undefined && BigInt(size) !== -1n)
    refuse('a disk with a backing file has its size', 'give the size -1');
  if (backingfile === undefined && size <= 0)
    refuse(`the size ${size} is not possible`, 'give a size in bytes above 0');
  if (preallocation !== undefined && !['off', 'sparse', 'metadata', 'full'].includes(preallocation)) {
    refuse(`the preallocation ${JSON.stringify(preallocation)} is not known`, 'use off, sparse, metadata or full');
  }
  if (format === 'raw') {
    if (
      backingfile !== undefined ||
      options.backingformat !== undefined ||
      compat !== undefined ||
      clustersize !== undefined
    ) {
      refuse('a raw disk has no backing file, compat and cluster size', 'use qcow2, or leave these out');
    }
    if (preallocation === 'metadata') refuse('a raw disk has no metadata to preallocate', 'use off, sparse or full');
  }
  if (options.backingformat !== undefined && !/^[A-Za-z0-9]{1,16}$/.test(options.backingformat)) {
    refuse(
      `the backing format ${JSON.stringify(options.backingformat)} is not possible`,
      'use a word like raw or qcow2',
    );
  }
  if (compat !== undefined && compat !== '0.10' && compat !== '1.1')
    refuse(`the compat level ${JSON.stringify(compat)} is not known`, 'use 0.10 or 1.1');
  if (
    clustersize !== undefined &&
    (!Number.isInteger(Math.log2(clustersize)) || clustersize < 512 || clustersize > 2097152)
  ) {
    refuse(`the cluster size ${clustersize} is not possible`, 'use a power of two from 512 to 2097152');
  }
}

/** The backing file goes into the image by the name that was given: qemu takes it from the folder of the image. */
async function describeBacking(
  file: string,
  { path, backingformat, signal, log }: CreateDiskOptions,
): Promise<{ name: string; format: string }> {
  if (file === '' || file.includes('\0') || !isWellFormed(file)) throw impossibleName(file);
  // A word with a colon is a protocol to qemu, and what follows is not for us to take apart.
  const local = /^[^/]*:/.test(file) ? null : besideImage(path, file);
  // qemu-img opens all that is behind it, too.
  if (local !== null) await checkChain(local, backingformat);
  if (backingformat !== undefined) return { name: file, format: backingformat };
  const place = local === null ? file : safeName(local);
  return { name: file, format: (await describeImage(place, file, { signal, log })).format };
}

function besideImage(image: string, file: string): string {
  return isAbsolute(file) ? file : `${dirname(absolutePath(image))}/${file}`;
}

async function qemuImg(
  args: readonly string[],
  { signal, log, timeout }: Pick<CreateDiskOptions, 'signal' | 'log'> & { readonly timeout?: number },
): Promise<CommandResult> {
  const file = await findProgram('qemu-img');
  if (file === null)
    throw new GuestfsError('ERR_GUESTFS_QEMU_NOT_FOUND', 'qemu-img is not installed', {
      hint: installHint('qemu-img'),
    });
  const result = await runCommand(file, args, {
    env: { LC_ALL: 'C' },
    log,
    ...(timeout === undefined ? {} : { timeout }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (signal?.aborted === true)
    throw new GuestfsError('ERR_GUESTFS_CANCELLED', 'qemu-img was stopped', { cause: signal.reason });
  return result;
}

/** Puts the whole numbers of a JSON text in quotes; numbers inside strings stay. */
function quoteNumbers(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?![\d.eE])/g, (token) => (token.startsWith('"') ? token : `"${token}"`));
}
