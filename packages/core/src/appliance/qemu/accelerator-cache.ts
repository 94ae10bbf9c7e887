import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openCacheFolder } from '../host/folders.js';
import { hostBoot } from '../host/host-identity.js';
import type { Qemu } from './find.js';
import type { Verdict } from './accelerator.js';

const record = z.object({
  builtIn: z.array(z.string()),
  works: z.boolean().nullable(),
  reason: z.string(),
  expires: z.number(),
});

/** What is remembered of a qemu on this host until it boots again. */
export interface CachedAccelerators {
  readonly builtIn: readonly string[];
  readonly verdict: Verdict | null;
}

/** A machine that gave no sign of life may only have been slow that time: asked again after a day. */
export const UNCERTAIN_LIFETIME = 24 * 60 * 60 * 1000;

/** Answers about accelerators in the cache folder, one file for each boot of the host and each qemu. */
export class AcceleratorCache {
  readonly #file: () => Promise<string>;

  constructor(cachedir: string, qemu: Qemu) {
    this.#file = async () => {
      const key = createHash('sha256')
        .update(`${await hostBoot()}\n${qemu.identity}`)
        .digest('hex')
        .slice(0, 32);
      return join(await openCacheFolder(cachedir), `accelerator-${key}.json`);
    };
  }

  /** Null where nothing is known; a file that cannot be read or understood counts as nothing. */
  async read(): Promise<CachedAccelerators | null> {
    try {
      const { builtIn, works, reason, expires } = record.parse(JSON.parse(await readFile(await this.#file(), 'utf8')));
      return { builtIn, verdict: works === null || expires < Date.now() ? null : { works, reason } };
    } catch {
      return null;
    }
  }

  /** Remembers for `lifetime` milliseconds, by default until the host boots again. Failing costs only time later. */
  async write(builtIn: readonly string[], verdict: Verdict | null, lifetime = Number.MAX_SAFE_INTEGER): Promise<void> {
    const expires = Math.min(Date.now() + lifetime, Number.MAX_SAFE_INTEGER);
    const content = { builtIn, works: verdict?.works ?? null, reason: verdict?.reason ?? '', expires };
    try {
      const file = await this.#file();
      const fresh = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
      await writeFile(fresh, JSON.stringify(content), { mode: 0o600, flag: 'wx' });
      await rename(fresh, file);
    } catch {
      // A full or read-only cache disk shows where it matters, when the appliance is built.
    }
  }
}
