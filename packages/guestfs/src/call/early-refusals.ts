import { GuestfsError } from '@guestfs/core';
import type { CallOptions, Connection, Procedure } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import type { OptionalArguments } from './signature.js';

/** The compressions of tar that every daemon knows. */
const EVER_KNOWN: ReadonlySet<unknown> = new Set(['compress', 'gzip', 'bzip2', 'xz', 'lzop']);

/** No folder has a name of this length. */
const NO_FOLDER = `/${'x'.repeat(300)}`;

/**
 * Whether the daemon may refuse a call without reading the file that follows. It would take the file for calls, and end.
 */
export function mayBeRefusedEarly(
  procedure: Procedure,
  args: readonly unknown[],
  optional: OptionalArguments | undefined,
): boolean {
  if (procedure.proc === procedures.uploadOffset.proc) return Number(args[1]) < 0;
  const compress = optional?.['compress'];
  return procedure.proc === procedures.tarIn.proc && compress !== undefined && !EVER_KNOWN.has(compress);
}

/** Rejects with the daemon's refusal of such a call, which is found out without a file. */
export async function findEarlyRefusal(
  procedure: Procedure,
  optional: OptionalArguments | undefined,
  connection: Connection,
  options: CallOptions,
): Promise<void> {
  const { name: operation } = procedure;
  if (procedure.proc === procedures.uploadOffset.proc) {
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', 'argument `offset` must not be negative', { operation });
  }
  const { compress } = optional ?? {};
  const trial = connection.call(procedures.tarOut, [NO_FOLDER], { compress }, { ...options, sink: () => undefined });
  const error: unknown = await trial.catch((reason: unknown) => reason);
  if (!GuestfsError.is(error) || !error.message.includes('unknown compression type')) return;
  throw new GuestfsError('ERR_GUESTFS_DAEMON', `unknown compression type: ${String(compress)}`, {
    operation,
    hint: `every daemon knows ${[...EVER_KNOWN].join(', ')}; lzma and zstd came with version 1.52`,
  });
}
