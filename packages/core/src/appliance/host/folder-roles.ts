import { resolve } from 'node:path';
import { SETTINGS } from '../config/settings.js';
import { codeOf } from './system-error.js';

/** What a folder of the host is for: the setting that names it. */
export type FolderRole = 'tmpdir' | 'cachedir' | 'sockdir';

/** What to do about a folder that cannot be used; names the variable that set it, where one did. */
export function folderHint(
  role: FolderRole,
  folder: string,
  cause: unknown,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const { variables = [] } = SETTINGS[role];
  const given = variables.find((name) => (env[name] ?? '') !== '');
  const setBy = given !== undefined && resolve(env[given] as string) === resolve(folder) ? given : null;
  const other = setBy === null ? `set ${variables[0]} to another directory` : `correct ${setBy}, which names it`;
  switch (codeOf(cause)) {
    case 'ENOENT':
      return `make the directory: mkdir -p ${folder}; or ${other}`;
    case 'ENOTDIR':
      return setBy === null ? other : `${other}: it must be a directory`;
    case 'EROFS':
      return `its filesystem is read-only: ${other}`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `make room on the disk of ${folder} (df -h ${folder}), or ${other}`;
    default:
      return `make ${folder} writable for you, or ${other}`;
  }
}
