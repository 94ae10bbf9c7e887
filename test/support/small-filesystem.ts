import { execFileSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';

/** Why no filesystem can be mounted here; null where it can. */
export function mountMissing(): string | null {
  return process.getuid?.() === 0 ? null : 'only root may mount a small filesystem';
}

/** A filesystem of its own that is soon full. */
export class SmallFilesystem implements AsyncDisposable {
  readonly folder: string;

  /** @param megabytes how large it is */
  constructor(megabytes: number) {
    this.folder = mkdtempSync('/tmp/guestfs-small-');
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', this.folder]);
  }

  /** Takes the last bytes that are free. */
  async fill(): Promise<void> {
    const failure = await writeFile(join(this.folder, 'filler'), Buffer.alloc(512 * 1024 * 1024)).catch(
      (error: NodeJS.ErrnoException) => error,
    );
    if (failure?.code !== 'ENOSPC') throw new Error('the filesystem is larger than it should be');
  }

  async makeRoom(): Promise<void> {
    await rm(join(this.folder, 'filler'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    execFileSync('umount', [this.folder]);
    await rm(this.folder, { recursive: true, force: true });
  }
}
