import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { decodeText } from '../../protocol/xdr/text.js';
import type { DriveConfig } from '../config/config.js';
import { codeOf } from '../host/system-error.js';
import { driveError } from './drive-file.js';
import { hostPath, realHostPath } from './host-path.js';
import { readImageHeader, type ImageHeader } from './image-header.js';

/** The most images that stand behind each other. */
const LONGEST_CHAIN = 200;

/** An image of a chain. */
export interface ChainLink {
  readonly path: Buffer;
  readonly kind: 'file' | 'block-device';
  /** Undefined where it is found out from the content. */
  readonly format: string | undefined;
}

/**
 * Follows a drive's image along its backing files as qemu does, and gives the whole chain.
 *
 * Rejects with `ERR_GUESTFS_DRIVE` where the chain has no end or is too long, since qemu opens images until it has no
 * descriptors left, and where a file behind another is not there or is no image, which qemu says of no name or waits for. A
 * chain that goes on over a network, or in a file that this user may not read, is given as far as it was followed.
 */
export async function walkChain(drive: DriveConfig): Promise<ChainLink[]> {
  const chain: ChainLink[] = [];
  const seen = new Set<string>();
  let next: ChainLink | null = await startOf(drive);
  while (next !== null) {
    const { path, format }: ChainLink = next;
    chain.push(next);
    const header = await readHeader(path, format);
    if (header === null) break;
    if (seen.has(header.identity)) throw endless(drive, chain);
    seen.add(header.identity);
    if (chain.length > LONGEST_CHAIN) throw tooLong(drive);
    next = header.backing === null ? null : await follow(drive, path, header.backing);
  }
  return chain;
}

/**
 * Checks the chain of an image that is handed to qemu-img, as {@link walkChain} does it for a drive. A file that is not
 * there is no matter of this.
 */
export async function checkChain(file: string, format: string | undefined): Promise<void> {
  if (await stat(hostPath(file)).catch(() => null)) {
    await walkChain({ file, readonly: true, ...(format === undefined ? {} : { format }) });
  }
}

async function startOf(drive: DriveConfig): Promise<ChainLink> {
  const path = await realHostPath(drive.file);
  const found = await stat(path).catch(() => null);
  return { path, kind: found?.isBlockDevice() === true ? 'block-device' : 'file', format: drive.format };
}

/** A header that can name a backing file, and what tells its file from all others. Null for other content. */
async function readHeader(
  path: Buffer,
  format: string | undefined,
): Promise<(ImageHeader & { readonly identity: string }) | null> {
  // Where the file cannot be read, qemu tells why.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  if (file === null) return null;
  try {
    const { dev, ino } = await file.stat({ bigint: true });
    const header = await readImageHeader(async (offset, length) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    }, format);
    return header && { ...header, identity: `${dev}:${ino}` };
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

async function follow(
  drive: DriveConfig,
  image: Buffer,
  { name, format }: NonNullable<ImageHeader['backing']>,
): Promise<ChainLink | null> {
  const path = backingPath(image, name);
  if (path === null) return null;
  try {
    const found = await stat(path);
    if (found.isFile()) return { path, kind: 'file', format };
    if (found.isBlockDevice()) return { path, kind: 'block-device', format };
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') throw missing(drive, image, name, path, cause);
    return null;
  }
  throw driveError(
    drive,
    `has the backing file ${quote(path)}, which is neither a file nor a block device`,
    `see qemu-img info ${quote(image)}`,
  );
}

/**
 * Where qemu looks for a backing file: a name without a folder stands beside the image that has it, by the image's name as
 * it was given. Null for what is not a file of this host.
 */
export function backingPath(image: Buffer, name: Buffer): Buffer | null {
  // Each byte is one unit, and paths are taken apart at ASCII only.
  const text = name.toString('latin1');
  if (text.startsWith('json:')) return fileOfJson(name.toString('utf8').slice('json:'.length));
  if (text.startsWith('file:')) return absolute(latin1(text.slice('file:'.length)));
  if (/^[^/]*:/.test(text)) return null;
  return latin1(posix.isAbsolute(text) ? text : `${posix.dirname(image.toString('latin1'))}/${text}`);
}

/** The file of an image that is described by options, in the two forms that qemu writes and takes. */
function fileOfJson(text: string): Buffer | null {
  try {
    const options = JSON.parse(text) as Record<string, unknown> & { file?: Record<string, unknown> };
    const name = options.file?.['filename'] ?? options['file.filename'] ?? options['filename'];
    return typeof name === 'string' && !/^[^/]*:/.test(name) ? absolute(Buffer.from(name)) : null;
  } catch {
    return null;
  }
}

function endless(drive: DriveConfig, chain: readonly ChainLink[]): Error {
  const names = chain.map(({ path }) => quote(path));
  const shown = names.length > 6 ? [...names.slice(0, 3), '…', ...names.slice(-2)] : names;
  return driveError(
    drive,
    `has backing files without an end: ${shown.join(' is backed by ')}`,
    'an image was recorded as its own backing file: record the right one, with qemu-img rebase -u -b RIGHT -F FORMAT FILE, ' +
      'which changes nothing else',
  );
}

function tooLong(drive: DriveConfig): Error {
  return driveError(
    drive,
    `is a chain of more than ${LONGEST_CHAIN} images`,
    'make one image of them: qemu-img convert -O qcow2 FILE NEW',
  );
}

function missing(drive: DriveConfig, image: Buffer, name: Buffer, path: Buffer, cause: unknown): Error {
  return driveError(
    drive,
    `has a backing file that cannot be opened: ${quote(image)} is backed by ${quote(name)}, and there is no ${quote(path)}`,
    'put the backing file there, or where it has moved, record its new name in the image: ' +
      'qemu-img rebase -u -b NEW -F FORMAT FILE. That is only right for the very same backing file: another one makes the ' +
      'image unreadable',
    cause,
  );
}

/** qemu runs in the folder of this process. */
function absolute(path: Buffer): Buffer {
  return Buffer.from(hostPath(decodeText(path, 0, path.length)));
}

function latin1(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

function quote(name: Buffer): string {
  return JSON.stringify(decodeText(name, 0, name.length));
}
