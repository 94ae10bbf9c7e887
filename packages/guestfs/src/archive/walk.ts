import type { BigIntStats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';

/** A file, folder or link of the host that goes into an archive. */
export interface TreeEntry {
  /** Its path on the host. */
  readonly path: Buffer;
  /** Its name in the archive, without a slash at the end; empty for a root whose own name is not kept. */
  readonly name: Buffer;
  readonly stats: BigIntStats;
}

/** An entry whose turn has not come. */
interface Waiting {
  readonly path: Buffer;
  readonly name: Buffer;
  stats: Promise<BigIntStats> | null;
}

const SLASH = Buffer.from('/');

/** How many entries are looked at before their turn. */
const AHEAD = 16;

/** Joins a folder's path and a name as bytes. An empty folder gives the name alone. */
export function joinBytes(folder: Buffer, name: Buffer): Buffer {
  if (folder.length === 0) return name;
  const slash = folder[folder.length - 1] === 0x2f ? Buffer.alloc(0) : SLASH;
  return Buffer.concat([folder, slash, name]);
}

/**
 * Yields `path` and, where it is a folder, everything below it, a folder always before what it holds.
 *
 * Symbolic links are not followed. Names are bytes, sorted, so two walks give the same order.
 */
export async function* walkTree(path: Buffer, name: Buffer): AsyncGenerator<TreeEntry, void, void> {
  const waiting: Waiting[] = [{ path, name, stats: null }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const each of waiting.slice(-AHEAD)) each.stats ??= look(each.path);
    const { path, name } = next;
    const stats = await (next.stats ?? look(path));
    yield { path, name, stats };
    if (!stats.isDirectory()) continue;
    const children = await readdir(path, { encoding: 'buffer' });
    children.sort((a, b) => Buffer.compare(b, a));
    for (const child of children) {
      waiting.push({ path: joinBytes(path, child), name: joinBytes(name, child), stats: null });
    }
  }
}

/** Begins to look at an entry. */
function look(path: Buffer): Promise<BigIntStats> {
  const stats = lstat(path, { bigint: true });
  // Told when its turn comes.
  stats.catch(() => undefined);
  return stats;
}

/** Roughly how many bytes the archive of a tree will have: more where it has holes or hard links. */
export async function estimateArchive(path: Buffer, signal: AbortSignal): Promise<bigint> {
  let size = 0n;
  for await (const { stats } of walkTree(path, path)) {
    signal.throwIfAborted();
    // Three blocks of 512 bytes for its two headers, and the content.
    size += 1536n + (stats.isFile() ? stats.size : 0n);
  }
  return size;
}
