import { chmod, copyFile, link, rm } from 'node:fs/promises';
import { GuestfsError } from '../../../protocol/errors.js';
import { contentHash } from '../../cache/content-hash.js';
import { findExt2Traces } from '../../cache/ext2-traces.js';
import { unsafeFile } from './folder.js';
import { runCommand } from '../../process/run.js';
import { lastLines } from '../../process/tail.js';

/** How long copying may take, in milliseconds. */
const COPY_LIMIT = 300_000;

/**
 * A hash of an appliance's root that is the same for an appliance built anew of the same packages: UUIDs and times are no
 * part of it. A template brings the root along that it was made from, so one that differs in these is as good.
 */
export function rootHash(file: string, log?: (line: string) => void): Promise<string> {
  return contentHash(file, log, findExt2Traces);
}

/**
 * Puts the root into a template's folder: the saved machine has parts of this very one in its memory, and must never go on
 * over another, whatever becomes of the appliance. A hard link where that can be had, which takes no room.
 */
export async function storeRoot(
  { root, rootFormat }: { readonly root: string; readonly rootFormat: 'raw' | 'qcow2' },
  target: string,
  { signal, log }: { readonly signal: AbortSignal; readonly log: (line: string) => void },
): Promise<void> {
  try {
    await link(root, target);
    if ((await unsafeFile(target, { linked: true })) === null) return;
    await rm(target);
  } catch {
    // Another filesystem or owner, as with a fixed appliance.
  }
  if (rootFormat === 'qcow2') {
    await copyFile(root, target);
    return chmod(target, 0o600);
  }
  // Holes stay holes, as Node's own copy would not have them.
  const args = ['convert', '-q', '-U', '-f', 'raw', '-O', 'raw', root, target];
  const result = await runCommand('qemu-img', args, { signal, log, timeout: COPY_LIMIT, env: { LC_ALL: 'C' } });
  signal.throwIfAborted();
  if (result.failure === null) return chmod(target, 0o600);
  throw new GuestfsError(
    'ERR_GUESTFS_UNSUPPORTED',
    `the appliance's root could not be copied: qemu-img ${result.failure}`,
    {
      log: lastLines(result.output),
    },
  );
}
