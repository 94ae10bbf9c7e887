import { accessSync, constants, rmSync } from 'node:fs';
import { mkdir, mkdtemp, open, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';

/** A folder in memory where the machine has room for it, so that no disk is measured; removed by `remove`. */
export async function scratchFolder() {
  const folder = await mkdtemp(join(await roomy('/dev/shm'), 'guestfs-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  return { folder, remove };
}

async function roomy(folder) {
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize > 2 ** 31 ? folder : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** Bytes without pattern, the same on every run. */
export function noise(size) {
  const block = Buffer.concat(
    Array.from({ length: 1024 }, (_, index) => createHash('sha512').update(String(index)).digest()),
  );
  return Buffer.alloc(size, block);
}

/** A sparse disk image. */
export async function disk(path, size) {
  const file = await open(path, 'w');
  await file.truncate(size);
  await file.close();
  return path;
}

export async function emptyFiles(folder, count) {
  await mkdir(folder);
  for (let index = 0; index < count; index += 1000) {
    const names = Array.from({ length: Math.min(1000, count - index) }, (_, step) =>
      String(index + step).padStart(6, '0'),
    );
    await Promise.all(names.map((name) => writeFile(join(folder, name), '')));
  }
}

/** A tree of small files in folders of a hundred. */
export async function smallFiles(folder, count, size) {
  const content = noise(size);
  await mkdir(folder);
  for (let index = 0; index < count; index += 1) {
    const inner = join(folder, String(Math.floor(index / 100)));
    if (index % 100 === 0) await mkdir(inner);
    await writeFile(join(inner, `file-${index}`), content);
  }
}
