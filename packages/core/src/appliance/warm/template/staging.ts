import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { processStart } from '../../host/host-identity.js';

const NAME = /^([0-9a-f]{32})\.making\.(\d+)\.(\d+)\.[0-9a-f]{8}$/;

/** A folder in which a template is being made: its name says which, and by what process. */
export interface Staging {
  readonly name: string;
  readonly key: string;
}

/** Makes a folder for this process to make a template in. */
export async function makeStaging(folder: string, key: string): Promise<string> {
  const start = (await processStart(process.pid)) ?? '0';
  const path = join(folder, `${key}.making.${process.pid}.${start}.${randomBytes(4).toString('hex')}`);
  await mkdir(path, { mode: 0o700 });
  return path;
}

/** The templates that live processes are making; what dead ones left is removed. */
export async function liveStagings(folder: string): Promise<Staging[]> {
  const live: Staging[] = [];
  for (const name of await readdir(folder)) {
    const [, key, pid, start] = NAME.exec(name) ?? [];
    if (key === undefined) continue;
    if ((await processStart(Number(pid))) === start) live.push({ name, key });
    else await rm(join(folder, name), { recursive: true, force: true });
  }
  return live;
}
