import { randomBytes } from 'node:crypto';
import { link, mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pause } from '../../waiting/give-up.js';
import { codeOf } from '../host/system-error.js';
import type { ApplianceFiles } from './search.js';

type BuiltFiles = ApplianceFiles & { readonly root: string };

const NAMES = ['kernel', 'initrd', 'root'] as const;
const HELD = /^appliance-[0-9a-f-]+$/;
/** What was not launched from for so long is no longer of use, in milliseconds; longer than a launch takes. */
const KEPT_FOR = 2 * 60 * 60 * 1000;
/** How often a change under one's hands is put up with. */
const ATTEMPTS = 10;
const STEP = 20;

/**
 * Names for an appliance's files that stay when the appliance is built anew: hard links in a folder beside it. Anybody may
 * build it at any moment, also a program of upstream's, and who is about to boot needs kernel, initrd and root that belong
 * together. Where the filesystem has no links these are the files themselves.
 *
 * Called by one at a time. Removes the names of earlier builds that nobody has launched from for some hours.
 */
export async function holdFiles(built: BuiltFiles): Promise<BuiltFiles> {
  const cache = dirname(dirname(built.root));
  for (let attempt = 1; ; attempt++) {
    try {
      const folder = await hold(built, cache);
      if (folder === null) continue;
      await removeOld(cache, folder);
      return { kernel: join(folder, 'kernel'), initrd: join(folder, 'initrd'), root: join(folder, 'root') };
    } catch (error) {
      // While an appliance is replaced it is not there for a moment.
      if (codeOf(error) !== 'ENOENT') return built;
      if (attempt === ATTEMPTS) throw error;
      await pause(STEP);
    }
  }
}

/** Null where the files were replaced meanwhile. */
async function hold(built: BuiltFiles, cache: string): Promise<string | null> {
  const identities = await identify(NAMES.map((name) => built[name]));
  const folder = join(cache, `appliance-${identities.join('-')}`);
  const now = new Date();
  if (same(await identify(inside(folder)).catch(() => []), identities)) {
    await utimes(folder, now, now);
    return folder;
  }
  const fresh = join(cache, `appliance-${randomBytes(8).toString('hex')}`);
  await mkdir(fresh, { mode: 0o700 });
  try {
    for (const name of NAMES) await link(built[name], join(fresh, name));
    if (!same(await identify(inside(fresh)), identities)) return null;
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
    return folder;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

const inside = (folder: string): string[] => NAMES.map((name) => join(folder, name));

/** A number of a file that no other has as long as the file has a name. */
function identify(files: readonly string[]): Promise<string[]> {
  return Promise.all(files.map(async (file) => (await stat(file, { bigint: true })).ino.toString(16)));
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index]);
}

async function removeOld(cache: string, current: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const folder = join(cache, name);
    if (!HELD.test(name) || folder === current) continue;
    const used = await stat(folder).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - used > KEPT_FOR) await rm(folder, { recursive: true, force: true });
  }
}
