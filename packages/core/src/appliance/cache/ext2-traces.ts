import type { FileHandle } from 'node:fs/promises';

const SUPERBLOCK = 1024;
const MAGIC = 0xef53;
const FILETYPE = 0x2;
/** sparse_super, large_file, huge_file: they say nothing of checksums, which would depend on what is left out here. */
const KNOWN_RO_COMPAT = 0x1 | 0x2 | 0x8;
const GROUP_DESCRIPTOR = 32;
const LARGE_INODE = 160;
/** An appliance has some dozens. */
const MOST_GROUPS = 65_536;

/** Offset and length in a superblock: times of mounting, writing and checking, UUID, hash seed, time of making. */
const SUPERBLOCK_TRACES = [
  [0x2c, 8],
  [0x40, 4],
  [0x68, 16],
  [0xec, 16],
  [0x108, 4],
] as const;
/** The same in an inode: its times, and in large ones their fractions and the time of creation. */
const INODE_TRACES = [[0x08, 16]] as const;
const LARGE_INODE_TRACES = [...INODE_TRACES, [0x84, 20]] as const;

/** Blanks a part of a file's content, which lies at that offset in the file. */
export type EraseTraces = (bytes: Buffer, at: number) => void;

/**
 * What differs between two ext2 filesystems that were made of the same files in the same way, for leaving it out of a hash:
 * UUID, hash seed, and all times. Null for what is not such a filesystem, or has features of which that is not sure.
 */
export async function findExt2Traces(file: FileHandle): Promise<EraseTraces | null> {
  const head = Buffer.alloc(1024);
  const { bytesRead } = await file.read(head, 0, 1024, SUPERBLOCK);
  if (bytesRead < 1024 || head.readUInt16LE(0x38) !== MAGIC) return null;
  const inodeSize = head.readUInt32LE(0x4c) === 0 ? 128 : head.readUInt16LE(0x58);
  if (head.readUInt32LE(0x60) !== FILETYPE || (head.readUInt32LE(0x64) & ~KNOWN_RO_COMPAT) !== 0) return null;
  const blockSize = 1024 << head.readUInt32LE(0x18);
  const [blocks, perGroup, inodesPerGroup] = [0x04, 0x20, 0x28].map((offset) => head.readUInt32LE(offset));
  if (!blocks || !perGroup || !inodesPerGroup || inodeSize < 128 || blockSize > 65536 || inodeSize > blockSize)
    return null;
  const first = head.readUInt32LE(0x14);
  const groups = Math.ceil((blocks - first) / perGroup);
  if (groups > MOST_GROUPS) return null;
  const descriptors = Buffer.alloc(groups * GROUP_DESCRIPTOR);
  await file.read(descriptors, 0, descriptors.length, (first + 1) * blockSize);

  const superblocks = Array.from({ length: groups }, (_, group) =>
    group === 0 ? SUPERBLOCK : (first + group * perGroup) * blockSize,
  ).filter((_, group) => hasSuperblock(group));
  const tables = Array.from(
    { length: groups },
    (_, group) => descriptors.readUInt32LE(group * GROUP_DESCRIPTOR + 8) * blockSize,
  );
  const inodeTraces = inodeSize >= LARGE_INODE ? LARGE_INODE_TRACES : INODE_TRACES;
  return (bytes, at) => {
    for (const start of superblocks) blankAt(bytes, at, start, SUPERBLOCK_TRACES);
    for (const start of tables) {
      const from = Math.max(0, Math.floor((at - start) / inodeSize));
      const to = Math.min(inodesPerGroup, Math.ceil((at + bytes.length - start) / inodeSize));
      for (let inode = from; inode < to; inode++) blankAt(bytes, at, start + inode * inodeSize, inodeTraces);
    }
  };
}

/** With sparse_super only some groups have a copy; where the feature is off, blanking less only keeps hashes apart. */
function hasSuperblock(group: number): boolean {
  return group <= 1 || [3, 5, 7].some((base) => isPower(group, base));
}

function isPower(number: number, base: number): boolean {
  let power = base;
  while (power < number) power *= base;
  return power === number;
}

function blankAt(bytes: Buffer, at: number, start: number, traces: readonly (readonly [number, number])[]): void {
  for (const [offset, length] of traces) {
    const from = start + offset - at;
    if (from + length > 0 && from < bytes.length)
      bytes.fill(0, Math.max(0, from), Math.min(bytes.length, from + length));
  }
}
