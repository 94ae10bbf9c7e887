import { directBackend, libvirtBackend, replayBackend, unixBackend } from '@guestfs/attach';
import type { Authenticate } from '@guestfs/attach/internal';
import { GuestfsError } from '@guestfs/core';
import type { Backend } from '@guestfs/core';

/** What backends need to know of their handle. */
export interface BackendContext {
  readonly authenticate: Authenticate;
  /** Whether a socket is known to be the one meant, whoever owns it. */
  isTrusted(socket: string): boolean;
}

interface BackendKind {
  /** How a user names it, for messages. */
  readonly form: string;
  /** The backend of a name, or undefined where the name is another kind's. */
  readonly open: (name: string, context: BackendContext | undefined) => Backend | undefined;
}

const KINDS: readonly BackendKind[] = [
  { form: 'direct (or its old name, appliance)', open: (name) => (isDirect(name) ? directBackend() : undefined) },
  { form: 'unix:PATH', open: openUnix },
  { form: 'libvirt, libvirt:URI', open: openLibvirt },
  { form: 'replay:FILE', open: (name) => (/^replay:./s.test(name) ? replayBackend(name.slice(7)) : undefined) },
];

/** The backend of a name; throws ERR_GUESTFS_ARGUMENT, with the list of those there are, for an unknown one. */
export function openBackend(name: string, operation: string, context?: BackendContext): Backend {
  for (const kind of KINDS) {
    const backend = kind.open(name, context);
    if (backend !== undefined) return backend;
  }
  throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `there is no backend ${JSON.stringify(name)}`, {
    operation,
    hint: `use one of: ${KINDS.map((kind) => kind.form).join(', ')}`,
  });
}

/** Whether a name means qemu run by this library. */
export function isDirect(name: string): boolean {
  return name === 'direct' || name === 'appliance';
}

function openUnix(name: string, context: BackendContext | undefined): Backend | undefined {
  if (!/^unix:./s.test(name)) return undefined;
  const socket = name.slice('unix:'.length);
  return unixBackend(socket, context?.isTrusted(socket) === true ? { allowOtherOwner: true } : {});
}

function openLibvirt(name: string, context: BackendContext | undefined): Backend | undefined {
  if (name !== 'libvirt' && !/^libvirt:./s.test(name)) return undefined;
  return libvirtBackend({ uri: name.slice('libvirt:'.length) || undefined, authenticate: context?.authenticate });
}
