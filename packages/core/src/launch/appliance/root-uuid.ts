import { open } from 'node:fs/promises';
import { GuestfsError } from '../../errors.js';

const MAGIC_OFFSET = 0x438;
const UUID_OFFSET = 0x468;
const EXT_MAGIC = 0xef53;

/** The UUID in the superblock of an ext2, ext3 or ext4 image; the kernel finds the appliance's root by it. */
export async function readRootUuid(file: string): Promise<string> {
  const block = Buffer.alloc(UUID_OFFSET + 16);
  let length: number;
  try {
    const handle = await open(file, 'r');
    try {
      ({ bytesRead: length } = await handle.read(block, 0, block.length, 0));
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw broken(file, `the appliance's root ${file} cannot be read`, cause);
  }
  if (length < block.length || block.readUInt16LE(MAGIC_OFFSET) !== EXT_MAGIC) {
    throw broken(file, `the appliance's root ${file} is not an ext filesystem`);
  }
  const hex = block.subarray(UUID_OFFSET).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function broken(file: string, message: string, cause?: unknown): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_APPLIANCE_BUILD', message, {
    hint: `remove the folder of ${file}, so that the appliance is built again`,
    cause,
  });
}
