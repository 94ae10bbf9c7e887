import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contentHash } from '../../cache/content-hash.js';
import { fileIdentity } from '../../cache/file-identity.js';
import { unsafeFile, unsafeFolder } from './folder.js';
import { hostBoot } from '../../host/host-identity.js';
import {
  manifestSchema,
  ROOT_FILE,
  sealSchema,
  TEMPLATE_FILES,
  type Manifest,
  type Seal,
  type TemplateFile,
} from './template.js';

const MANIFEST = 'manifest.json';
const SEAL = 'seal.json';

/** Describes and seals the files of a finished template. */
export async function writeManifest(folder: string, about: Pick<Manifest, 'key' | 'created' | 'qemu'>): Promise<void> {
  const files: Record<string, { size: number; hash: string }> = {};
  for (const name of TEMPLATE_FILES) {
    const path = join(folder, name);
    files[name] = { size: (await stat(path)).size, hash: await contentHash(path) };
  }
  const manifest = manifestSchema.parse({ format: 2, ...about, files });
  await writeFile(join(folder, MANIFEST), JSON.stringify(manifest), { mode: 0o600, flag: 'wx' });
  await writeSeal(folder, await currentSeal(folder));
}

/**
 * What is wrong with a template, for people; null where it is as it was made.
 *
 * A write to any file changes the file's identity, which is compared each time. The content is hashed when an identity
 * differs (a copied folder is as good as the first), and once in each boot of the host, against disks that rot.
 */
export async function templateProblem(folder: string, key: string): Promise<string | null> {
  const unsafe = await unsafeFolder(folder);
  if (unsafe !== null) return `its directory ${unsafe}`;
  const manifest = await readManifest(folder);
  if (manifest === null || manifest.key !== key) return 'its manifest is damaged';
  for (const name of TEMPLATE_FILES) {
    const path = join(folder, name);
    const size = await stat(path).then(
      (found) => found.size,
      () => null,
    );
    if (size === null) return `its file ${name} is missing`;
    const problem = await unsafeFile(path, { linked: name === ROOT_FILE });
    if (problem !== null) return `its file ${name} ${problem}`;
    if (size !== manifest.files[name].size)
      return `its file ${name} has ${size} bytes instead of ${manifest.files[name].size}`;
  }
  const current = await currentSeal(folder);
  const doubtful = changedSince(await readSeal(folder), current);
  if (doubtful.length === 0) return null;
  for (const name of doubtful) {
    if ((await contentHash(join(folder, name))) !== manifest.files[name].hash) return `its file ${name} was changed`;
  }
  await writeSeal(folder, current);
  return null;
}

/** When a template was last used. */
export function manifestPath(folder: string): string {
  return join(folder, MANIFEST);
}

async function currentSeal(folder: string): Promise<Seal> {
  const entries = await Promise.all(
    TEMPLATE_FILES.map(async (name) => [name, await fileIdentity(join(folder, name))] as const),
  );
  return { boot: await hostBoot(), files: Object.fromEntries(entries) };
}

function changedSince(seal: Seal | null, now: Seal): readonly TemplateFile[] {
  if (seal?.boot !== now.boot) return TEMPLATE_FILES;
  return TEMPLATE_FILES.filter((name) => seal.files[name] !== now.files[name]);
}

async function readManifest(folder: string): Promise<Manifest | null> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')));
  } catch {
    return null;
  }
}

async function readSeal(folder: string): Promise<Seal | null> {
  try {
    return sealSchema.parse(JSON.parse(await readFile(join(folder, SEAL), 'utf8')));
  } catch {
    return null;
  }
}

/** Failing to write it, on a full disk, only means that the hashes are worked out again. */
async function writeSeal(folder: string, seal: Seal): Promise<void> {
  const fresh = join(folder, `${SEAL}.${process.pid}`);
  try {
    await writeFile(fresh, JSON.stringify(seal), { mode: 0o600 });
    await rename(fresh, join(folder, SEAL));
  } catch {
    await rm(fresh, { force: true }).catch(() => undefined);
  }
}
