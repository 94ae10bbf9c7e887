import { GuestfsError } from '@guestfs/core';
import type { Virsh } from '../libvirt/virsh.js';
import { readDomain, type Domain } from './domain.js';

/** Something that runs virsh's commands. */
export type VirshCommands = Pick<Virsh, 'run' | 'uri'>;

/**
 * Finds a domain by its name, or with `allowuuid` by its UUID first.
 *
 * Rejects with `ERR_GUESTFS_DOMAIN_NOT_FOUND`, or with what keeps libvirt from being asked.
 */
export async function findDomain(virsh: VirshCommands, name: string, allowuuid = false): Promise<Domain> {
  // eslint-disable-next-line no-control-regex -- these are what is refused
  if (name === '' || /[\u0000-\u001f/]/.test(name)) {
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `${JSON.stringify(name)} can be no domain's name`, {
      hint: 'list the names: virsh list --all --name',
    });
  }
  const domain = readDomain(await virsh.run(['dumpxml', '--domain', name]));
  if (domain.name === name || (allowuuid && sameUuid(domain.uuid, name))) return domain;
  // virsh takes a number for a domain's id, and a UUID for a UUID: the domain that has it as its name is another one.
  const uuid = await uuidOfName(virsh, name);
  return readDomain(await virsh.run(['dumpxml', '--domain', uuid]));
}

async function uuidOfName(virsh: VirshCommands, name: string): Promise<string> {
  const uuids = (await virsh.run(['list', '--all', '--uuid']))
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  for (const uuid of uuids) {
    if ((await virsh.run(['domname', '--domain', uuid])).trim() === name) return uuid;
  }
  throw new GuestfsError('ERR_GUESTFS_DOMAIN_NOT_FOUND', `no domain has the name ${JSON.stringify(name)}`, {
    hint: 'list the names: virsh list --all; to name a domain by its UUID, set allowuuid',
  });
}

function sameUuid(one: string, other: string): boolean {
  const plain = (text: string): string => text.replaceAll('-', '').toLowerCase();
  return plain(one) === plain(other);
}
