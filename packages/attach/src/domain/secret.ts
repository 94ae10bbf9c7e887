import { GuestfsError } from '@guestfs/core';
import type { SecretReference } from './disk.js';
import type { VirshCommands } from './find.js';

/**
 * The value of a libvirt secret, in the form that `addDrive` takes: base64 for Ceph, else as it is.
 *
 * Rejects with `ERR_GUESTFS_DOMAIN` when libvirt has no such secret or keeps it private.
 */
export async function readSecret(virsh: VirshCommands, reference: SecretReference): Promise<string> {
  const uuid = reference.uuid ?? (await findByUsage(virsh, reference));
  let base64: string;
  try {
    base64 = (await virsh.run(['secret-get-value', '--secret', uuid])).trim();
  } catch (cause) {
    throw new GuestfsError('ERR_GUESTFS_DOMAIN', `libvirt does not give the value of the secret ${uuid}`, {
      hint: `see whether it is set and not private: virsh secret-dumpxml ${uuid}`,
      cause,
    });
  }
  return reference.type === 'ceph' ? base64 : Buffer.from(base64, 'base64').toString('utf8');
}

async function findByUsage(virsh: VirshCommands, { type, usage }: SecretReference): Promise<string> {
  const list = await virsh.run(['secret-list']);
  for (const line of list.split('\n')) {
    const [, uuid, kind, name] = /^\s*([0-9a-f-]{36})\s+(\S+)\s+(.*?)\s*$/i.exec(line) ?? [];
    if (uuid !== undefined && kind === type && name === usage) return uuid;
  }
  throw new GuestfsError(
    'ERR_GUESTFS_DOMAIN',
    `libvirt has no secret of type ${type} for ${usage ?? 'no usage at all'}`,
    {
      hint: 'list the secrets: virsh secret-list',
    },
  );
}
