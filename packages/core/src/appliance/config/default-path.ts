const MULTIARCH: Readonly<Record<string, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  ppc64: 'powerpc64le-linux-gnu',
  s390x: 's390x-linux-gnu',
  riscv64: 'riscv64-linux-gnu',
};

/** The folders where distributions put an appliance: Debian's first, then Fedora's, then hand-made ones. */
export function defaultAppliancePath(arch: string): string[] {
  const multiarch = MULTIARCH[arch];
  return [
    ...(multiarch === undefined ? [] : [`/usr/lib/${multiarch}/guestfs`]),
    '/usr/lib64/guestfs',
    '/usr/lib/guestfs',
    '/usr/local/lib/guestfs',
    '/usr/local/lib/guestfs/appliance',
  ];
}
