import { procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';
import { linuxIcon } from './linux.js';
import { firstPng } from './png.js';
import { windowsIcon, withCase } from './windows.js';

interface IconOptions {
  readonly favicon?: boolean | undefined;
  readonly highquality?: boolean | undefined;
}

/** An empty buffer where the guest has no icon. */
export async function inspectGetIcon(run: Run, root: string, options: IconOptions): Promise<Buffer> {
  run.hold();
  const { favicon = true, highquality = false } = options;
  const [type, distro] = await Promise.all([
    run.call(procedures.inspectGetType, [root]),
    run.call(procedures.inspectGetDistro, [root]),
  ]);
  // A favicon is never of high quality.
  const small = favicon && !highquality ? await readFavicon(run, type) : null;
  if (small !== null) return small;
  return (await readLogo(run, root, type, distro, highquality)) ?? Buffer.alloc(0);
}

async function readFavicon(run: Run, type: string): Promise<Buffer | null> {
  const path = '/etc/favicon.png';
  return firstPng(run, [(type === 'windows' ? await withCase(run, path) : null) ?? path]);
}

async function readLogo(
  run: Run,
  root: string,
  type: string,
  distro: string,
  highquality: boolean,
): Promise<Buffer | null> {
  if (type === 'linux' || type === 'hurd') return linuxIcon(run, root, distro, highquality);
  return type === 'windows' && !highquality ? windowsIcon(run, root) : null;
}
