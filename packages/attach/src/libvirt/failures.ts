import { GuestfsError } from '@guestfs/core';
import { lastLines, type CommandResult } from '@guestfs/core/appliance';
import { isAuthenticationFailure } from './prompts.js';

const NOT_FOUND = /failed to get domain|domain not found|no domain with matching/i;
const NO_ACCESS =
  /access denied|permission denied|authentication unavailable|not authorized|polkit|operation not permitted|forbidden/i;
const NO_DAEMON =
  /failed to connect|cannot connect|connection refused|no such file or directory.*sock|sock.*no such file or directory|no connection driver|unable to connect/i;

/** Turns a failed virsh into an error with its own code for each cause that a user can mend. */
export function explainFailure(
  result: Pick<CommandResult, 'output' | 'failure'>,
  about: { uri: string | undefined; answered: boolean },
): GuestfsError {
  const log = lastLines(result.output);
  const said = /^error: (.*)$/m.exec([...log.split('\n')].reverse().join('\n'))?.[1] ?? `virsh ${result.failure}`;
  const at = about.uri === undefined ? 'libvirt' : `libvirt at ${about.uri}`;
  const fail = (
    code: 'ERR_GUESTFS_DOMAIN_NOT_FOUND' | 'ERR_GUESTFS_LIBVIRT_ACCESS' | 'ERR_GUESTFS_LIBVIRT',
    message: string,
    hint: string,
  ) => new GuestfsError(code, message, { hint, log });
  if (NOT_FOUND.test(result.output)) {
    return fail(
      'ERR_GUESTFS_DOMAIN_NOT_FOUND',
      `${at} knows no such domain: ${said}`,
      'list the domains: virsh list --all; another connection has others (qemu:///system, qemu:///session): set libvirturi',
    );
  }
  if (isAuthenticationFailure(result.output)) {
    const hint = about.answered
      ? 'correct the name and the password that the libvirtAuth handler gives'
      : 'call setLibvirtSupportedCredentials and answer the libvirtAuth event, or put the password into ~/.config/libvirt/auth.conf';
    return fail('ERR_GUESTFS_LIBVIRT_ACCESS', `${at} does not accept the login: ${said}`, hint);
  }
  if (NO_ACCESS.test(result.output)) {
    return fail(
      'ERR_GUESTFS_LIBVIRT_ACCESS',
      `${at} refuses: ${said}`,
      'get the rights: sudo usermod -aG libvirt "$USER", then log in again; or use qemu:///session',
    );
  }
  if (NO_DAEMON.test(result.output)) {
    return fail(
      'ERR_GUESTFS_LIBVIRT',
      `${at} cannot be reached: ${said}`,
      'start it (sudo systemctl start libvirtd, or virtqemud), and check the URI: virsh -c URI uri',
    );
  }
  return fail('ERR_GUESTFS_LIBVIRT', `${at} failed: ${said}`, 'see the log below');
}
