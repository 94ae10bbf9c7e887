import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { GuestfsError } from '../../protocol/errors.js';
import { installHint } from '../host/install-hint.js';
import type { HostCpu } from '../qemu/architecture.js';

/** What a folder of the appliance path holds. `root` is null where the initrd is the whole appliance. */
export type FoundAppliance =
  | { readonly kind: 'supermin'; readonly folder: string }
  | { readonly kind: 'ready'; readonly folder: string; readonly files: ApplianceFiles };

export interface ApplianceFiles {
  readonly kernel: string;
  readonly initrd: string;
  /** The ext filesystem with the appliance's root. */
  readonly root: string | null;
}

/**
 * Finds the first folder of a path that holds an appliance: a supermin skeleton, a fixed appliance, or an old-style one.
 *
 * An empty folder name means the current folder. Throws `ERR_GUESTFS_APPLIANCE_NOT_FOUND`, which names every folder.
 */
export async function searchAppliance(path: readonly string[], cpu: HostCpu): Promise<FoundAppliance> {
  const folders = (path.length === 0 ? ['.'] : path).map((name) => resolve(name === '' ? '.' : name));
  for (const folder of folders) {
    const found = await inspectFolder(folder, cpu);
    if (found !== null) return found;
  }
  throw new GuestfsError('ERR_GUESTFS_APPLIANCE_NOT_FOUND', `no appliance was found in ${folders.join(', ')}`, {
    hint: `${installHint('appliance')}; or set LIBGUESTFS_PATH to a directory with supermin.d or a fixed appliance`,
  });
}

async function inspectFolder(folder: string, cpu: HostCpu): Promise<FoundAppliance | null> {
  const inside = (name: string): string => join(folder, name);
  if (await haveAll([inside('supermin.d/base.tar.gz'), inside('supermin.d/packages')]))
    return { kind: 'supermin', folder };
  const fixed = { kernel: inside('kernel'), initrd: inside('initrd'), root: inside('root') };
  if (await haveAll([inside('README.fixed'), fixed.kernel, fixed.initrd, fixed.root]))
    return { kind: 'ready', folder, files: fixed };
  const old = { kernel: inside(`vmlinuz.${cpu}`), initrd: inside(`initramfs.${cpu}.img`), root: null };
  if (await haveAll([old.kernel, old.initrd])) return { kind: 'ready', folder, files: old };
  return null;
}

async function haveAll(files: readonly string[]): Promise<boolean> {
  const there = await Promise.all(
    files.map((file) =>
      access(file).then(
        () => true,
        () => false,
      ),
    ),
  );
  return there.every(Boolean);
}
