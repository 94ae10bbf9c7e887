import { procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';
import { convert } from './convert.js';
import { firstPng, readSmall } from './png.js';

interface Place {
  readonly paths: readonly string[];
  /** In bytes. */
  readonly limit?: number;
  /** Whether there is nothing of high quality here. */
  readonly poor?: true;
}

const SUSE: Place = {
  paths: ['/usr/share/icons/hicolor/48x48/apps/distributor.png', '/usr/share/icons/hicolor/24x24/apps/distributor.png'],
  limit: 10_240,
};

/** Where each distribution keeps its logo. */
const PLACES: Readonly<Record<string, Place>> = {
  fedora: { paths: ['/usr/share/icons/hicolor/96x96/apps/fedora-logo-icon.png'] },
  debian: { paths: ['/usr/share/pixmaps/debian-logo.png'], limit: 2048 },
  ubuntu: {
    paths: [
      '/usr/share/icons/gnome/24x24/places/ubuntu-logo.png',
      '/usr/share/help/C/ubuntu-help/figures/ubuntu-logo.png',
    ],
    limit: 2048,
    poor: true,
  },
  mageia: { paths: ['/usr/share/icons/mageia.png'], limit: 10_240 },
  'suse-based': SUSE,
  opensuse: SUSE,
  sles: SUSE,
  voidlinux: { paths: ['/usr/share/void-artwork/void-logo.png'], limit: 20_480 },
  altlinux: { paths: ['/usr/share/icons/hicolor/48x48/apps/altlinux.png'], limit: 20_480 },
  gentoo: { paths: ['/usr/share/icons/gentoo/48x48/gentoo.png'], limit: 10_240 },
  openmandriva: { paths: ['/usr/share/icons/large/mandriva.png', '/usr/share/icons/mandriva.png'], limit: 10_240 },
};

const REDHAT_LIKE = new Set(['rhel', 'redhat-based', 'centos', 'circle', 'rocky', 'scientificlinux', 'oraclelinux']);

/** The logo of a Linux or Hurd distribution. */
export async function linuxIcon(run: Run, root: string, distro: string, highquality: boolean): Promise<Buffer | null> {
  if (REDHAT_LIKE.has(distro)) return redhatIcon(run, root);
  if (distro === 'cirros') return cirrosIcon(run);
  const place = Object.hasOwn(PLACES, distro) ? PLACES[distro] : undefined;
  if (place === undefined || (highquality && place.poor === true)) return null;
  return firstPng(run, place.paths, place.limit);
}

async function redhatIcon(run: Run, root: string): Promise<Buffer | null> {
  const major = await run.call(procedures.inspectGetMajorVersion, [root]);
  const path =
    major < 7
      ? '/usr/share/pixmaps/redhat/shadowman-transparent.png'
      : '/usr/share/icons/hicolor/96x96/apps/system-logo-icon.png';
  return firstPng(run, [path], 102_400);
}

/** Its logo is text: it is drawn here. */
async function cirrosIcon(run: Run): Promise<Buffer | null> {
  const text = await readSmall(run, '/usr/share/cirros/logo', 1024);
  if (text === null || text.some((byte) => byte > 0x7e)) return null;
  return convert(run, text, [['pbmtext'], ['pnmtopng']]);
}
