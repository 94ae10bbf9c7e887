import { GuestfsError } from '@guestfs/core';
import type { Domain } from './domain.js';
import type { VirshCommands } from './find.js';

/** The XML that gives a domain the port that guestfsd talks through. */
const CHANNEL_XML = `<channel type='unix'><source mode='bind'/><target type='virtio' name='org.libguestfs.channel.0'/></channel>`;

/**
 * The host socket behind the guestfsd of a running domain.
 *
 * Rejects with `ERR_GUESTFS_DOMAIN_NOT_RUNNING` when the domain is off or paused, with `ERR_GUESTFS_DOMAIN_NO_CHANNEL`
 * when it has no port for guestfsd.
 */
export async function channelOfDomain(virsh: VirshCommands, domain: Domain): Promise<string> {
  const state = domain.active
    ? (await virsh.run(['domstate', '--domain', domain.uuid || domain.name])).trim()
    : 'shut off';
  if (state !== 'running' && state !== 'idle') {
    throw new GuestfsError('ERR_GUESTFS_DOMAIN_NOT_RUNNING', `the domain ${domain.name} is not running but ${state}`, {
      hint: `start it (virsh start ${domain.name}, or virsh resume), or leave live out to open its disks`,
    });
  }
  if (domain.channel !== null) return domain.channel;
  throw new GuestfsError('ERR_GUESTFS_DOMAIN_NO_CHANNEL', `the domain ${domain.name} has no channel for guestfsd`, {
    hint: `put ${CHANNEL_XML} into its devices (virsh edit ${domain.name}), restart it, and run guestfsd inside`,
  });
}
