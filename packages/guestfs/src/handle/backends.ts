import { directBackend, unixBackend } from '@guestfs/attach';
import { GuestfsError } from '@guestfs/core';
import type { Backend } from '@guestfs/core';

interface BackendKind {
  /** How a user names it, for messages. */
  readonly form: string;
  /** The backend of a name, or undefined where the name is another kind's. */
  readonly open: (name: string) => Backend | undefined;
}

const KINDS: readonly BackendKind[] = [
  { form: 'direct (or its old name, appliance)', open: (name) => (isDirect(name) ? directBackend() : undefined) },
  { form: 'unix:PATH', open: (name) => (/^unix:./s.test(name) ? unixBackend(name.slice(5)) : undefined) },
];

/** The backend of a name; throws ERR_GUESTFS_ARGUMENT, with the list of those there are, for an unknown one. */
export function openBackend(name: string, operation: string): Backend {
  for (const kind of KINDS) {
    const backend = kind.open(name);
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
