import { randomBytes } from 'node:crypto';
import { lstat, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pause } from '../../../waiting/give-up.js';
import { SingleFlight } from '../../../waiting/single-flight.js';
import { codeOf } from '../../host/system-error.js';
import { manifestPath, templateProblem } from './check.js';
import { openWarmFolder } from './folder.js';
import type { TemplateInputs } from './key.js';
import { Memo } from '../../cache/memo.js';
import { liveStagings, makeStaging } from './staging.js';
import { TEMPLATE_FILES, type Template } from './template.js';

export interface StoreLimits {
  /** Bytes on the disk of all templates together. */
  readonly size: number;
  /** Milliseconds since a template's last use. */
  readonly age: number;
}

/** Room for a handful of templates; one takes a quarter of a gigabyte. */
export const DEFAULT_LIMITS: StoreLimits = { size: 1024 ** 3, age: 30 * 24 * 60 * 60 * 1000 };

const KEY = /^[0-9a-f]{32}$/;
const TRASH = /^trash\./;
/** A use within this time of the last is not written down, in milliseconds. */
const USE_STEP = 60 * 1000;
/** A use after this time is the occasion to prune, in milliseconds. */
const PRUNE_STEP = 60 * 60 * 1000;
/** What was used within this time is not pruned, in milliseconds: longer than a start from a template takes. */
const IN_USE = 10 * 60 * 1000;

/** The most that one waits who gave way to others, in milliseconds. */
const GIVE_WAY = 50;

/** Templates that this process is checking: once for all that look for one at the same time. */
const checks = new SingleFlight<string | null>();

/** What a look for a template gives. */
export type TemplateLookup =
  | { readonly kind: 'ready'; readonly template: Template }
  | { readonly kind: 'missing' }
  /** It was removed. */
  | { readonly kind: 'damaged'; readonly problem: string };

/** A template that is not there, and what it would be made of. */
export interface MissingTemplate {
  readonly inputs: TemplateInputs;
  readonly key: string;
  readonly store: TemplateStore;
}

/** The templates in a cache folder: whole folders that appear and go by being renamed, and are never changed in place. */
export class TemplateStore {
  readonly memo: Memo;
  readonly #folder: string;
  readonly #limits: StoreLimits;

  private constructor(folder: string, limits: StoreLimits) {
    this.#folder = folder;
    this.#limits = limits;
    this.memo = new Memo(join(folder, 'memo.json'));
  }

  /** Rejects with ERR_GUESTFS_UNSAFE_PATH where others could write to the folder. */
  static async open(cachedir: string, limits = DEFAULT_LIMITS): Promise<TemplateStore> {
    return new TemplateStore(await openWarmFolder(cachedir), limits);
  }

  /** Looks for a template, checks it, and removes one that is not as it was made. */
  async find(key: string): Promise<TemplateLookup> {
    const folder = join(this.#folder, key);
    const identity = await folderIdentity(folder);
    if (identity === null) return { kind: 'missing' };
    // First, so that nobody who prunes removes it from now on.
    await this.#noteUse(key);
    const problem = await checks.run(folder, undefined, () =>
      templateProblem(folder, key).catch((error: unknown) => `it cannot be read (${codeOf(error) ?? String(error)})`),
    );
    if (problem !== null) {
      if ((await folderIdentity(folder)) === null) return { kind: 'missing' };
      await this.drop(key);
      return { kind: 'damaged', problem };
    }
    return { kind: 'ready', template: { key, folder, identity } };
  }

  /** Whether there is a template of that name; nothing is checked. */
  async has(key: string): Promise<boolean> {
    return (await folderIdentity(join(this.#folder, key))) !== null;
  }

  /** Whether a template that was found is still in its place. */
  async holds({ folder, identity }: Template): Promise<boolean> {
    return (await folderIdentity(folder)) === identity;
  }

  /** Whether a live process is making a template. */
  async isBeingMade(key: string): Promise<boolean> {
    return this.#isStaged(key);
  }

  /**
   * A folder to make a template in; null where another process is making it already.
   *
   * Who finds itself alone after it made its folder has it: whoever comes later sees that folder, and gives way. Of those
   * that come at the very same time all may give way; each then tries again a little later.
   */
  async stage(key: string): Promise<string | null> {
    for (;;) {
      const path = await makeStaging(this.#folder, key);
      const own = basename(path);
      if (!(await this.#isStaged(key, own))) return path;
      await rm(path, { recursive: true, force: true });
      await pause(Math.random() * GIVE_WAY);
      if (await this.#isStaged(key, own)) return null;
    }
  }

  async #isStaged(key: string, except?: string): Promise<boolean> {
    return (await liveStagings(this.#folder)).some((staging) => staging.key === key && staging.name !== except);
  }

  /** Puts a finished template in place; one that is there already stays. */
  async publish(staging: string, key: string): Promise<Template> {
    const folder = join(this.#folder, key);
    try {
      await rename(staging, folder);
    } catch (error) {
      if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
      await rm(staging, { recursive: true, force: true });
    }
    await this.prune(key);
    return { key, folder, identity: (await folderIdentity(folder)) ?? '' };
  }

  /** Removes a template. Machines that run from it go on: they have its files open. */
  async drop(key: string): Promise<void> {
    const trash = this.#trash();
    try {
      await rename(join(this.#folder, key), trash);
      await rm(trash, { recursive: true, force: true });
    } catch {
      // Another process was faster, or the next prune removes it.
    }
  }

  /** Removes what is too old or too much, the least used first, and what dead processes left; never the template `keep`. */
  async prune(keep?: string): Promise<void> {
    await liveStagings(this.#folder);
    const templates: { key: string; used: number; size: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      if (TRASH.test(name) && !isInUse((await this.#measure(name)).used))
        await rm(join(this.#folder, name), { recursive: true, force: true });
      if (KEY.test(name)) templates.push({ key: name, ...(await this.#measure(name)) });
    }
    templates.sort((a, b) => b.used - a.used);
    let total = templates.find(({ key }) => key === keep)?.size ?? 0;
    for (const { key, used, size } of templates) {
      if (key === keep) continue;
      total += size;
      const fits = total <= this.#limits.size && Date.now() - used <= this.#limits.age;
      if (fits || isInUse(used)) continue;
      total -= size;
      await this.#dropUnused(key);
    }
  }

  /** Removes a template, and puts it back where a launch has turned to it in this very moment. */
  async #dropUnused(key: string): Promise<void> {
    const trash = this.#trash();
    try {
      await rename(join(this.#folder, key), trash);
      if (isInUse((await stat(manifestPath(trash))).mtimeMs)) await rename(trash, join(this.#folder, key));
    } catch {
      // Another process was faster, or has made it anew.
    }
    await rm(trash, { recursive: true, force: true });
  }

  #trash(): string {
    return join(this.#folder, `trash.${process.pid}.${randomBytes(8).toString('hex')}`);
  }

  async #measure(name: string): Promise<{ used: number; size: number }> {
    const folder = join(this.#folder, name);
    const used = await stat(manifestPath(folder)).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    const sizes = await Promise.all(
      TEMPLATE_FILES.map((file) =>
        stat(join(folder, file)).then(
          // What has another name, as the appliance's root, is there for others in any case.
          ({ blocks, nlink }) => (nlink > 1 ? 0 : blocks * 512),
          () => 0,
        ),
      ),
    );
    return { used, size: sizes.reduce((sum, size) => sum + size, 0) };
  }

  /** Now and then this is also the time to look for templates that nobody uses any more. */
  async #noteUse(key: string): Promise<void> {
    const file = manifestPath(join(this.#folder, key));
    const now = new Date();
    try {
      const before = (await stat(file)).mtimeMs;
      if (now.getTime() - before <= USE_STEP) return;
      await utimes(file, now, now);
      if (now.getTime() - before > PRUNE_STEP) await this.prune(key);
    } catch {
      // It was removed meanwhile: the launch will find out.
    }
  }
}

/** Null where there is no such folder. */
async function folderIdentity(folder: string): Promise<string | null> {
  try {
    const { dev, ino, birthtimeNs } = await lstat(folder, { bigint: true });
    return `${dev}:${ino}:${birthtimeNs}`;
  } catch {
    return null;
  }
}

/** Whether a launch may be about to open a template's files. */
function isInUse(used: number): boolean {
  return Date.now() - used <= IN_USE;
}
