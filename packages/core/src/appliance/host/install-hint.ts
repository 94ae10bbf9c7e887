import { platform } from 'node:os';

const PACKAGES = {
  appliance: { apt: 'libguestfs0 supermin', dnf: 'libguestfs-appliance supermin', brew: null },
  supermin: { apt: 'supermin', dnf: 'supermin', brew: null },
  qemu: { apt: 'qemu-system', dnf: 'qemu-kvm', brew: 'qemu' },
  'qemu-img': { apt: 'qemu-utils', dnf: 'qemu-img', brew: 'qemu' },
  'block drivers': { apt: 'qemu-block-extra', dnf: 'qemu-kvm-block-*', brew: 'qemu' },
} as const;

/** How to install what is missing, as the commands of the package managers that people have. */
export function installHint(what: keyof typeof PACKAGES, on: NodeJS.Platform = platform()): string {
  const { apt, dnf, brew } = PACKAGES[what];
  if (on === 'darwin')
    return brew === null
      ? 'copy a fixed appliance from a Linux machine (libguestfs-make-fixed-appliance)'
      : `install it: brew install ${brew}`;
  return `install it: sudo apt install ${apt}  (Debian, Ubuntu), or sudo dnf install ${dnf}  (Fedora, RHEL)`;
}
