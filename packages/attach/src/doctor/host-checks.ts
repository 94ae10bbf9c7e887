import { join } from 'node:path';
import { folderHint, type FolderRole } from '@guestfs/core/appliance';
import { failed, ok, skipped, warning, type Check, type DiagnosisSubject } from './check.js';
import type { Probes } from './probes.js';

const MIB = 1024n * 1024n;
/** What a build of the appliance and a template take, and the least with which a session goes on. */
const CACHE_NEED = 700n * MIB;
const TMP_NEED = 100n * MIB;

export const checkSpace: Check = async (probes, { tmpdir, cachedir }) => {
  const found: string[] = [];
  for (const [folder, need] of [
    [cachedir, CACHE_NEED],
    [tmpdir, TMP_NEED],
  ] as const) {
    const free = await probes.freeSpace(folder);
    if (free === null) continue;
    if (free < need) {
      return failed(
        'space',
        `${free / MIB} MiB free in ${folder}; ${need / MIB} are needed`,
        `make room (df -h ${folder}), or set ${folder === cachedir ? 'LIBGUESTFS_CACHEDIR' : 'LIBGUESTFS_TMPDIR'} to a directory on another disk`,
      );
    }
    found.push(`${free / MIB} MiB in ${folder}`);
  }
  return ok('space', [...new Set(found)].join(', ') || 'not known on this platform');
};

export const checkFolders: Check = async (probes, subject) => {
  const { tmpdir, cachedir, sockdir } = subject;
  const needed: readonly [FolderRole, string][] = [
    ['cachedir', cachedir],
    ['tmpdir', tmpdir],
  ];
  for (const [role, folder] of needed) {
    const facts = await probes.file(folder);
    const code = facts.error ?? (!facts.folder ? 'ENOTDIR' : !facts.writable ? 'EACCES' : null);
    if (code !== null)
      return failed(
        'folders',
        `${folder} ${FAULTS[code] ?? `cannot be looked at (${code})`}`,
        folderHint(role, folder, { code }, probes.env),
      );
  }
  const cache = join(cachedir, `.guestfs-${probes.uid ?? 'user'}`);
  const facts = await probes.file(cache);
  if (facts.error === null && probes.uid !== undefined && facts.uid !== probes.uid) {
    return failed(
      'folders',
      `${cache} belongs to user ${facts.uid}`,
      'remove it, or set LIBGUESTFS_CACHEDIR to a directory that only you can write',
    );
  }
  const fault = probes.socketFolderFault(sockdir);
  if (fault !== null)
    return warning(
      'folders',
      `${sockdir} ${fault}: sockets go to /tmp`,
      'unset XDG_RUNTIME_DIR, or set it to a directory of your own',
    );
  return ok('folders', [...new Set([sockdir, cachedir, tmpdir])].join(', '));
};

const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'is not a directory',
  EACCES: 'cannot be written by this user',
};

/** As long as the names of the private folder and the socket in it. */
const SAMPLE = 'guestfs-XXXXXX/guestfsd.sock';

export const checkSockets: Check = async ({ platform }, { sockdir }) => {
  const limit = platform === 'linux' ? 107 : 103;
  const length = Buffer.byteLength(join(sockdir, SAMPLE));
  if (length <= limit) return ok('sockets', `${length} of ${limit} bytes for a path in ${sockdir}`);
  return failed(
    'sockets',
    `a socket in ${sockdir} has a path of ${length} bytes; ${limit} are possible`,
    'set XDG_RUNTIME_DIR (as root: TMPDIR) to a directory with a shorter name',
  );
};

export const checkLibvirt: Check = async (probes, subject) => {
  const wanted = isLibvirt(subject);
  const virsh = await probes.findProgram('virsh');
  if (virsh === null) {
    const install = 'install it: sudo apt install libvirt-clients, or sudo dnf install libvirt-client';
    return wanted
      ? failed('libvirt', 'virsh is not installed', install)
      : skipped('libvirt', 'not installed; only the backend libvirt and addDomain need it');
  }
  if (!wanted) return ok('libvirt', `${virsh}; the backend is ${subject.backend}`);
  return askLibvirt(probes, virsh, subject.backend.slice('libvirt:'.length));
};

async function askLibvirt(probes: Probes, virsh: string, uri: string) {
  const { failure, output } = await probes.run(virsh, [...(uri === '' ? [] : ['-c', uri]), '-q', 'domcapabilities']);
  if (failure !== null) {
    const said = /^error: (.*)$/m.exec([...output.trim().split('\n')].reverse().join('\n'))?.[1] ?? failure;
    return failed(
      'libvirt',
      `virsh cannot use ${uri || 'its own choice of connection'}: ${said}`,
      'start the daemon (sudo systemctl start libvirtd, or virtqemud), and install its qemu driver (libvirt-daemon-driver-qemu)',
    );
  }
  const type = /<domain>(\w+)<\/domain>/.exec(output)?.[1];
  return type === undefined
    ? warning('libvirt', 'it does not tell what it runs', 'try: virsh domcapabilities')
    : ok('libvirt', `runs machines of type ${type}`);
}

function isLibvirt({ backend }: DiagnosisSubject): boolean {
  return backend === 'libvirt' || backend.startsWith('libvirt:');
}
