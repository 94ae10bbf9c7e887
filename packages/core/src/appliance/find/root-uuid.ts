import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GuestfsError } from '../../protocol/errors.js';
import { makePrivateFolder } from '../host/folders.js';
import { installHint } from '../host/install-hint.js';
import { findProgram } from '../process/find-program.js';
import { runCommand } from '../process/run.js';

const MAGIC_OFFSET = 0x438;
const UUID_OFFSET = 0x468;
const EXT_MAGIC = 0xef53;
const QCOW2_MAGIC = 0x514649fb;

/** The format of an appliance's root: qcow2 has a magic number, everything else is taken as it is. */
export async function rootFormatOf(file: string): Promise<'raw' | 'qcow2'> {
  const start = await readStart(file, 4);
  return start.length === 4 && start.readUInt32BE() === QCOW2_MAGIC ? 'qcow2' : 'raw';
}

/** The UUID in the superblock of an ext2, ext3 or ext4 image; the kernel finds the appliance's root by it. */
export async function readRootUuid(file: string, format: 'raw' | 'qcow2' = 'raw'): Promise<string> {
  const block = format === 'raw' ? await readStart(file, UUID_OFFSET + 16) : await readStartOfQcow2(file);
  if (block.length < UUID_OFFSET + 16 || block.readUInt16LE(MAGIC_OFFSET) !== EXT_MAGIC) {
    throw broken(file, `the appliance's root ${file} is not an ext filesystem`);
  }
  const hex = block.subarray(UUID_OFFSET, UUID_OFFSET + 16).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

async function readStart(file: string, length: number): Promise<Buffer> {
  try {
    const handle = await open(file, 'r');
    try {
      const block = Buffer.alloc(length);
      const { bytesRead } = await handle.read(block, 0, length, 0);
      return block.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw broken(file, `the appliance's root ${file} cannot be read`, cause);
  }
}

/** The first bytes of the disk in an image, which may be compressed there. */
async function readStartOfQcow2(file: string): Promise<Buffer> {
  const program = await findProgram('qemu-img');
  if (program === null) {
    throw new GuestfsError(
      'ERR_GUESTFS_QEMU_NOT_FOUND',
      'qemu-img, which the qcow2 root of the appliance needs, is not installed',
      {
        hint: installHint('qemu-img'),
      },
    );
  }
  const folder = makePrivateFolder(tmpdir(), 'the start of the appliance’s root');
  try {
    const start = join(folder, 'start');
    const args = ['dd', '-U', '-f', 'qcow2', '-O', 'raw', 'bs=4096', 'count=1', `if=${file}`, `of=${start}`];
    const result = await runCommand(program, args, { timeout: 30_000, env: { LC_ALL: 'C' } });
    if (result.failure !== null)
      throw broken(
        file,
        `the appliance's root ${file} cannot be read: qemu-img ${result.failure}`,
        new Error(result.stderr),
      );
    return await readStart(start, 4096);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function broken(file: string, message: string, cause?: unknown): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_APPLIANCE_BUILD', message, {
    hint: `remove the directory of ${file}, so that the appliance is built again`,
    cause,
  });
}
