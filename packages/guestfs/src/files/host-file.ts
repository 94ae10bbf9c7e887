import { readvSync, writeSync } from 'node:fs';
import { open, statfs, type FileHandle } from 'node:fs/promises';

/** An operation that took longer, in milliseconds, was not done in memory. */
const SLOW = 5;

/**
 * Types of file systems whose files are cached in this machine's memory, as Linux's statfs(2) tells them: ext, xfs, btrfs,
 * tmpfs, overlay, f2fs, zfs. Not those of a network or of another process (FUSE), which may keep a caller waiting for
 * ever.
 */
const LOCAL = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0xf2f52010, 0x2fc12fc1]);

/**
 * A file of the host that is read or written from one end to the other.
 *
 * Reading what the system has cached, or writing into its cache, takes a fraction of what changing to another thread and
 * back takes, so it is done on this thread as long as it is that quick. The first operation that is not sends the rest of
 * the file to the other threads, as all of a file that is not known to be local: the event loop never waits for a disk
 * twice.
 */
export class HostFile {
  readonly #file: FileHandle;
  readonly #size: number | null;
  #quick: boolean;

  private constructor(file: FileHandle, size: number | null, quick: boolean) {
    this.#file = file;
    this.#size = size;
    this.#quick = quick;
  }

  /** Opens a file as `fs.open` does, with its errors. */
  static async open(path: string, flags: 'r' | 'w'): Promise<HostFile> {
    const file = await open(path, flags);
    try {
      const found = await file.stat();
      if (found.isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' });
      const size = found.isFile() ? found.size : null;
      return new HostFile(file, size, size !== null && LOCAL.has((await statfs(path)).type));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Its size in bytes when it was opened, null for a pipe or a device. */
  get size(): number | null {
    return this.#size;
  }

  /** Whether the next operation is done on this thread. */
  get quick(): boolean {
    return this.#quick;
  }

  /** Fills buffers from the file in their order; gives how many bytes came, 0 at its end. */
  read(buffers: readonly Uint8Array[]): number | Promise<number> {
    if (this.#quick) return this.#timed(() => readvSync(this.#file.fd, buffers as Uint8Array[]));
    return this.#file.readv(buffers as Uint8Array[]).then(({ bytesRead }) => bytesRead);
  }

  /** Writes all of the bytes on this thread; only while the file is `quick`. */
  writeNow(bytes: Uint8Array): void {
    this.#timed(() => {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#file.fd, bytes, at);
    });
  }

  /** Writes all of the buffers, in their order. */
  async write(buffers: readonly Uint8Array[]): Promise<void> {
    let left = buffers.reduce((sum, { length }) => sum + length, 0);
    left -= (await this.#file.writev(buffers as Uint8Array[])).bytesWritten;
    if (left === 0) return;
    // Less than it was given, on a full disk for one, where the next write then fails.
    const rest = Buffer.concat(buffers).subarray(-left);
    for (let at = 0; at < rest.length;) at += (await this.#file.write(rest, at)).bytesWritten;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #timed<T>(work: () => T): T {
    const start = performance.now();
    const result = work();
    if (performance.now() - start > SLOW) this.#quick = false;
    return result;
  }
}
