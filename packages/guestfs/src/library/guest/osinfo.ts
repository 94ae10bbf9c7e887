import { GuestfsError } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';

interface Guest {
  readonly distro: string;
  readonly major: number;
  readonly minor: number;
}

export async function inspectGetOsinfo(run: Run, root: string): Promise<string> {
  run.hold();
  const [type, distro, major, minor] = await Promise.all([
    run.call(procedures.inspectGetType, [root]),
    run.call(procedures.inspectGetDistro, [root]),
    run.call(procedures.inspectGetMajorVersion, [root]),
    run.call(procedures.inspectGetMinorVersion, [root]),
  ]);
  const guest = { distro, major, minor };
  switch (type) {
    case 'linux':
      return linuxId(guest);
    case 'freebsd':
    case 'netbsd':
    case 'openbsd':
      return `${distro}${major}.${minor}`;
    case 'dos':
      return distro === 'msdos' ? 'msdos6.22' : 'unknown';
    case 'windows':
      return (await windowsId(run, root, guest)) ?? 'unknown';
    default:
      return 'unknown';
  }
}

function linuxId({ distro, major, minor }: Guest): string {
  switch (distro) {
    case 'centos':
      if (major >= 8) return `centos${major}`;
      if (major === 7) return 'centos7.0';
      break;
    case 'circle':
    case 'rocky':
      if (major >= 8) return `${distro}${major}`;
      break;
    case 'debian':
      if (major >= 4) return `debian${major}`;
      break;
    case 'fedora':
    case 'mageia':
      return `${distro}${major}`;
    case 'sles': {
      const base = `${major >= 15 ? 'sle' : 'sles'}${major}`;
      return minor === 0 ? base : `${base}sp${minor}`;
    }
    case 'ubuntu':
      return `ubuntu${major}.${String(minor).padStart(2, '0')}`;
    case 'archlinux':
    case 'gentoo':
    case 'voidlinux':
      return distro;
    case 'altlinux':
      return `${major >= 8 ? 'alt' : 'altlinux'}${major}.${minor}`;
  }
  return distro !== 'unknown' && (major > 0 || minor > 0) ? `${distro}${major}.${minor}` : 'unknown';
}

/** Versions of Windows NT: the name of the client and that of the server. */
const WINDOWS_6: Readonly<Record<number, readonly [client: string, server: string]>> = {
  0: ['winvista', 'win2k8'],
  1: ['win7', 'win2k8r2'],
  2: ['win8', 'win2k12'],
  3: ['win8.1', 'win2k12r2'],
};

/** Clients from this build on are Windows 11, though they call themselves 10. */
const WINDOWS_11_BUILD = 22_000;

async function windowsId(run: Run, root: string, { major, minor }: Guest): Promise<string | undefined> {
  const [product, variant] = await Promise.all([
    run.call(procedures.inspectGetProductName, [root]),
    run.call(procedures.inspectGetProductVariant, [root]),
  ]);
  const server = variant.includes('Server');
  if (major === 5 && minor === 1) return 'winxp';
  if (major === 5 && minor === 2) {
    if (product.includes('XP')) return 'winxp';
    return product.includes('R2') ? 'win2k3r2' : 'win2k3';
  }
  if (major === 6) return WINDOWS_6[minor]?.[server ? 1 : 0];
  if (major !== 10 || minor !== 0) return undefined;
  if (server) return `win2k${['25', '22', '19'].find((year) => product.includes(`20${year}`)) ?? '16'}`;
  return (await buildOf(run, root)) >= WINDOWS_11_BUILD ? 'win11' : 'win10';
}

/** Zero where the daemon is older than the question: then Windows 11 goes by what it calls itself. */
async function buildOf(run: Run, root: string): Promise<number> {
  try {
    return Number.parseInt(await run.call(procedures.inspectGetBuildId, [root]), 10);
  } catch (error) {
    if (GuestfsError.is(error) && error.code === 'ERR_GUESTFS_NOT_AVAILABLE') return 0;
    throw error;
  }
}
