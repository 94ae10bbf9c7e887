import { GuestfsError } from '@guestfs/core';
import type { Connection, Procedure } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import type { Run } from './run.js';

/** Since 1.60 a daemon takes what follows one of these as text, or in base64; older ones take all of it as the key. */
const PREFIX = /^(?:text|base64):/;

const knows = new WeakMap<Connection, Promise<boolean>>();

/** Whether a call carries a key of which daemons of different versions would make different things. */
export function hasAmbiguousKey({ args }: Procedure, values: readonly unknown[]): boolean {
  return args.some(({ type }, i) => type === 'key' && isAmbiguous(values[i] as string | Uint8Array));
}

/** The arguments with every key in the form that this daemon reads as what was given. */
export async function encodeKeys(run: Run, { args }: Procedure, values: readonly unknown[]): Promise<unknown[]> {
  const prefixes = await knowsPrefixes(run);
  return values.map((value, i) =>
    args[i]?.type === 'key' ? encodeKey(value as string | Uint8Array, prefixes) : value,
  );
}

/** A key as a daemon reads it that knows the prefixes, or does not. */
export function encodeKey(key: string | Uint8Array, prefixes: boolean): string | Uint8Array {
  if (!isAmbiguous(key)) return key;
  if (typeof key === 'string') return prefixes ? `text:${key}` : key;
  if (prefixes) return `base64:${Buffer.from(key).toString('base64')}`;
  if (!key.includes(0)) return key;
  throw new GuestfsError('ERR_GUESTFS_NOT_AVAILABLE', 'the daemon in the appliance takes no key with a zero byte', {
    hint: 'use an appliance of libguestfs 1.60 or newer',
  });
}

function isAmbiguous(key: string | Uint8Array): boolean {
  if (typeof key === 'string') return PREFIX.test(key);
  return key.includes(0) || PREFIX.test(Buffer.from(key.subarray(0, 'base64:'.length)).toString('latin1'));
}

/** Asked by a function that came with the prefixes: a daemon does not tell its version. */
function knowsPrefixes(run: Run): Promise<boolean> {
  const connection = run.handle.requireConnection(run.name);
  let answer = knows.get(connection);
  if (answer === undefined) {
    answer = run.call(procedures.xfsInfo2, ['/dev/none']).then(
      () => true,
      (error: unknown) => {
        if (!GuestfsError.is(error) || error.serial === undefined || error.code === 'ERR_GUESTFS_CONNECTION_LOST') {
          knows.delete(connection);
          throw error;
        }
        return error.code !== 'ERR_GUESTFS_NOT_AVAILABLE';
      },
    );
    knows.set(connection, answer);
  }
  return answer;
}
