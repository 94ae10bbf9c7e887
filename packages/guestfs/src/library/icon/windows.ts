import { GuestfsError } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';
import { convertFile, type Filter } from './convert.js';
import { readPng, readSmall } from './png.js';

/** A program of Windows is not read beyond this, in bytes. */
const PROGRAM_LIMIT = 10_000_000;

const toPng: Filter = ['pnmtopng'];

/** The logo of Windows XP, 7 or 8; of others it is not known where it is. */
export async function windowsIcon(run: Run, root: string): Promise<Buffer | null> {
  const [systemroot, major, minor] = await Promise.all([
    run.call(procedures.inspectGetWindowsSystemroot, [root]),
    run.call(procedures.inspectGetMajorVersion, [root]),
    run.call(procedures.inspectGetMinorVersion, [root]),
  ]);
  if (major === 5 && minor === 1) {
    return extract(run, [`${systemroot}/explorer.exe`], '143', [['bmptopnm'], toPng]);
  }
  if (major === 6 && minor === 1) {
    // The program of 32 bits is more likely to hold it.
    const programs = [`${systemroot}/SysWOW64/explorer.exe`, `${systemroot}/explorer.exe`];
    return extract(run, programs, '6801', [['bmptopnm'], ['pamcut', '-bottom', '54'], toPng]);
  }
  if (major === 6 && minor === 2) {
    const path = await withCase(run, '/ProgramData/Microsoft/Windows Live/WLive48x48.png');
    return path === null ? null : readPng(run, path, 8192);
  }
  return null;
}

/** The path as the guest spells it, whose letters may be of either case; null where a folder in it is missing. */
export async function withCase(run: Run, path: string): Promise<string | null> {
  try {
    return await run.call(procedures.caseSensitivePath, [path]);
  } catch (error) {
    if (
      GuestfsError.is(error) &&
      (error.code === 'ERR_GUESTFS_CANCELLED' || error.code === 'ERR_GUESTFS_CONNECTION_LOST')
    )
      throw error;
    return null;
  }
}

/** Takes a picture out of the first of several programs that is there. */
async function extract(
  run: Run,
  programs: readonly string[],
  name: string,
  filters: readonly Filter[],
): Promise<Buffer | null> {
  for (const program of programs) {
    const path = await withCase(run, program);
    const content = path === null ? null : await readSmall(run, path, PROGRAM_LIMIT);
    if (content !== null) return convertFile(run, content, ['wrestool', '-x', '--type=2', `--name=${name}`], filters);
  }
  return null;
}
