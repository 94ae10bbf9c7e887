import { GuestfsError } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';

/** What follows `/dev/` in the name of a disk or its partition: one or two characters, `d`, and the rest. */
const DISK = /^\/dev\/(?!m)[^d/]{1,2}d([^/]*)$/;

export async function canonicalDeviceName(run: Run, device: string): Promise<string> {
  const disk = DISK.exec(device);
  if (disk !== null) return `/dev/sd${disk[1] ?? ''}`;
  if (!device.startsWith('/dev/mapper/') && !device.startsWith('/dev/dm-')) return device;
  try {
    return await run.call(procedures.lvmCanonicalLvName, [device]);
  } catch (error) {
    // Of an encrypted volume, say: its own name is then the one to show.
    if (GuestfsError.is(error) && isDaemonError(error.code)) return device;
    throw error;
  }
}

export async function deviceIndex(run: Run, device: string): Promise<number> {
  const letters = DISK.exec(device)?.[1] ?? '';
  if (/^[a-z]{1,6}$/.test(letters)) {
    let index = 0;
    for (const letter of letters) index = index * 26 + letter.charCodeAt(0) - 96;
    return index - 1;
  }
  throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `${device} is no name of a disk`, { operation: run.name });
}

export async function deviceName(run: Run, index: number): Promise<string> {
  if (index < 0 || index >= run.handle.drives.length) {
    throw new GuestfsError('EINVAL', `there is no drive ${index}`, { operation: run.name });
  }
  let letters = '';
  for (let rest = index + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    letters = String.fromCharCode(97 + ((rest - 1) % 26)) + letters;
  }
  return `/dev/sd${letters}`;
}

export async function mountableDevice(run: Run, mountable: string): Promise<string> {
  return (await run.call(procedures.internalParseMountable, [mountable])).imDevice;
}

export async function mountableSubvolume(run: Run, mountable: string): Promise<string> {
  const { imVolume } = await run.call(procedures.internalParseMountable, [mountable]).catch((cause: unknown) => {
    throw GuestfsError.is(cause) && isDaemonError(cause.code) ? noSubvolume(run, mountable, cause) : cause;
  });
  if (imVolume === '') throw noSubvolume(run, mountable);
  return imVolume;
}

function noSubvolume(run: Run, mountable: string, cause?: unknown): GuestfsError {
  return new GuestfsError('EINVAL', `${mountable} is no btrfs subvolume`, { operation: run.name, cause });
}

/** Whether the daemon answered, as opposed to a call that was cancelled or a connection that was lost. */
function isDaemonError(code: string): boolean {
  return code === 'ERR_GUESTFS_DAEMON' || !code.startsWith('ERR_GUESTFS_');
}
