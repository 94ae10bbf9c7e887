import { GuestfsError } from '@guestfs/core';
import { protocolRules, type DriveConfig } from '@guestfs/core/appliance';
import type { DiskSource, DomainDisk } from './disk.js';
import type { Domain } from './domain.js';
import type { VirshCommands } from './find.js';
import { readSecret } from './secret.js';

/** What a disk that the XML marks read-only becomes in a session that may write. */
export type ReadonlyDisk = 'error' | 'read' | 'write' | 'ignore';

export interface DomainDrivesOptions {
  /** No disk is written to; needed for a domain that runs. Default false. */
  readonly readonly?: boolean | undefined;
  /** Default `write`. */
  readonly readonlydisk?: string | undefined;
  readonly iface?: string | undefined;
  readonly cachemode?: DriveConfig['cachemode'] | undefined;
  readonly discard?: DriveConfig['discard'] | undefined;
  readonly copyonread?: boolean | undefined;
}

const READONLY_DISK: readonly string[] = ['error', 'read', 'write', 'ignore'] satisfies ReadonlyDisk[];

/**
 * The drives that stand for a domain's disks, in the order of its XML: all of them, or an error.
 *
 * Rejects with `ERR_GUESTFS_DOMAIN_RUNNING` when the domain runs and `readonly` is not set, and with
 * `ERR_GUESTFS_DOMAIN` when it has no disks, or one that cannot be opened from here.
 */
export async function drivesOfDomain(
  virsh: VirshCommands,
  domain: Domain,
  options: DomainDrivesOptions,
): Promise<DriveConfig[]> {
  const { readonly = false, readonlydisk = 'write' } = options;
  if (!READONLY_DISK.includes(readonlydisk)) {
    throw new GuestfsError(
      'ERR_GUESTFS_ARGUMENT',
      `readonlydisk must be ${READONLY_DISK.join(', ')}, not ${JSON.stringify(readonlydisk)}`,
    );
  }
  if (domain.active && !readonly) {
    throw new GuestfsError(
      'ERR_GUESTFS_DOMAIN_RUNNING',
      `the domain ${domain.name} is running; writing to its disks now would destroy its filesystems`,
      {
        hint: 'set readonly, or shut the domain down (virsh shutdown), or set live where guestfsd runs inside it',
      },
    );
  }
  const drives: DriveConfig[] = [];
  for (const disk of domain.disks) {
    const access = accessTo(disk, readonly, readonlydisk as ReadonlyDisk);
    if (access === 'leave out') continue;
    drives.push(await toDrive(virsh, disk, access === 'read', options));
  }
  if (drives.length > 0) return drives;
  throw new GuestfsError('ERR_GUESTFS_DOMAIN', `the domain ${domain.name} has no disks that could be added`, {
    hint: `look at its disks: virsh domblklist ${domain.name}`,
  });
}

function accessTo(disk: DomainDisk, readonly: boolean, policy: ReadonlyDisk): 'read' | 'write' | 'leave out' {
  if (!disk.readonly) return readonly ? 'read' : 'write';
  if (policy === 'ignore') return 'leave out';
  if (readonly || policy === 'read') return 'read';
  if (policy === 'write') return 'write';
  throw new GuestfsError(
    'ERR_GUESTFS_DOMAIN',
    `the disk ${disk.target} is marked read-only, and readonlydisk is "error"`,
    {
      hint: 'set readonly, or another value of readonlydisk',
    },
  );
}

async function toDrive(
  virsh: VirshCommands,
  disk: DomainDisk,
  readonly: boolean,
  options: DomainDrivesOptions,
): Promise<DriveConfig> {
  const { iface, cachemode, discard, copyonread } = options;
  return {
    ...(await locate(virsh, disk)),
    readonly,
    ...(disk.format === undefined ? {} : { format: disk.format }),
    ...(disk.blocksize === undefined ? {} : { blocksize: disk.blocksize }),
    ...(iface === undefined ? {} : { iface }),
    ...(cachemode === undefined ? {} : { cachemode }),
    ...(discard === undefined ? {} : { discard }),
    ...(copyonread === undefined ? {} : { copyonread }),
  };
}

type Location = Pick<DriveConfig, 'file' | 'protocol' | 'servers' | 'username' | 'secret'>;

async function locate(virsh: VirshCommands, disk: DomainDisk): Promise<Location> {
  const { source } = disk;
  switch (source.kind) {
    case 'file':
      return { file: source.path };
    case 'volume':
      return { file: await pathOfVolume(virsh, disk.target, source) };
    case 'network': {
      if ((protocolRules(source.protocol)?.servers ?? 'none') === 'none')
        throw cannotOpen(disk, `a network disk by ${source.protocol}`);
      const { protocol, name, servers, username, secret } = source;
      const value = secret === undefined ? undefined : await readSecret(virsh, secret);
      return {
        file: name,
        protocol,
        servers,
        ...(username === undefined ? {} : { username }),
        ...(value === undefined ? {} : { secret: value }),
      };
    }
    case 'other':
      throw cannotOpen(disk, `of type ${source.type}`);
  }
}

async function pathOfVolume(
  virsh: VirshCommands,
  target: string,
  { pool, volume }: DiskSource & { kind: 'volume' },
): Promise<string> {
  const info = await virsh.run(['vol-info', '--pool', pool, '--vol', volume]);
  const type = /^Type:\s*(\S+)/m.exec(info)?.[1];
  if (type !== 'file' && type !== 'block') {
    throw new GuestfsError(
      'ERR_GUESTFS_DOMAIN',
      `the disk ${target} is the volume ${volume} of the pool ${pool}, which is of type ${type ?? 'unknown'}`,
      {
        hint: 'only volumes that are files or block devices can be opened',
      },
    );
  }
  return (await virsh.run(['vol-path', '--pool', pool, '--vol', volume])).replace(/\n+$/, '');
}

function cannotOpen(disk: DomainDisk, what: string): GuestfsError {
  return new GuestfsError(
    'ERR_GUESTFS_DOMAIN',
    `the ${disk.device} ${disk.target} is ${what}, which cannot be opened from here`,
    {
      hint: 'add the other disks one by one with addDrive',
    },
  );
}
