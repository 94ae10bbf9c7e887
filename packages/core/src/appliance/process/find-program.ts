import { accessSync, constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';

/** Where programs are looked for when there is no PATH, as execvp does. */
const DEFAULT_PATH = '/usr/bin:/bin';

/** An environment for a program, with a PATH where it has none: the program looks for others along it. */
export function withPath<Env extends Readonly<Record<string, string | undefined>>>(env: Env): Env & { PATH: string } {
  return { ...env, PATH: pathOf(env) };
}

/** The full path of a program: a path as it is, a name looked up along PATH; null where nothing can be executed. */
export async function findProgram(name: string, path = pathOf(process.env)): Promise<string | null> {
  for (const place of placesOf(name, path)) {
    const found = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return place;
  }
  return null;
}

/** Like {@link findProgram}, at once. */
export function findProgramNow(name: string): string | null {
  return placesOf(name, pathOf(process.env)).find(isExecutable) ?? null;
}

function pathOf({ PATH }: Readonly<Record<string, string | undefined>>): string {
  return PATH === undefined || PATH === '' ? DEFAULT_PATH : PATH;
}

function placesOf(name: string, path: string): string[] {
  if (name.includes('/')) return [resolve(name)];
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
