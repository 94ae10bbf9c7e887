import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether a command is on PATH, or in the folders for administrators that a user's PATH may lack. */
export function hasCommand(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const skeletons = [
  '/usr/lib/x86_64-linux-gnu/guestfs',
  '/usr/lib/aarch64-linux-gnu/guestfs',
  '/usr/lib64/guestfs',
  '/usr/lib/guestfs',
];
const hasSkeleton = () => skeletons.some((folder) => existsSync(join(folder, 'supermin.d')));
const hasFile = (path) => () => existsSync(path);
const hasKernel = () => existsSync('/boot') && readdirSync('/boot').some((name) => /^vmlinu[xz]/.test(name));

const arm = process.arch === 'arm64';

/** What a user needs: qemu, a kernel, and the appliance. */
export const runtimePackages = [
  {
    package: arm ? 'qemu-system-arm' : 'qemu-system-x86',
    there: () => hasCommand(arm ? 'qemu-system-aarch64' : 'qemu-system-x86_64'),
  },
  { package: 'qemu-utils', there: () => hasCommand('qemu-img') },
  { package: 'supermin', there: () => hasCommand('supermin') },
  { package: 'libguestfs0', there: hasSkeleton },
  {
    package: 'libguestfs-xfs',
    there: () => skeletons.some((folder) => existsSync(join(folder, 'supermin.d', 'packages-xfs'))),
  },
  { package: arm ? 'linux-image-cloud-arm64' : 'linux-image-cloud-amd64', there: hasKernel },
];

/** What only the tests need: a daemon that runs without a machine, and the peers that results are compared with. */
export const testPackages = [
  { package: 'guestfsd', there: () => hasCommand('guestfsd') },
  { package: 'guestfish', there: () => hasCommand('guestfish') },
  { package: 'python3-guestfs', there: hasFile('/usr/lib/python3/dist-packages/guestfs.py') },
  { package: 'busybox-static', there: hasFile('/bin/busybox') },
  { package: 'xfsprogs', there: () => hasCommand('xfs_repair') },
  { package: 'btrfs-progs', there: () => hasCommand('btrfs') },
  { package: 'e2fsprogs', there: () => hasCommand('e2fsck') },
  { package: 'git', there: () => hasCommand('git') },
  { package: 'util-linux', there: () => hasCommand('setpriv') },
  { package: 'procps', there: () => hasCommand('ps') },
  { package: 'libvirt-clients', there: () => hasCommand('virsh') },
  { package: 'libvirt-daemon', there: () => hasCommand('libvirtd') },
  {
    package: 'libvirt-daemon-driver-qemu',
    there: hasFile(`/usr/lib/${arm ? 'aarch64' : 'x86_64'}-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so`),
  },
  { package: 'chromium', there: () => hasCommand('chromium') },
];
