import { GuestfsError } from '@guestfs/core';
import type { Connection, Dirent, Procedure } from '@guestfs/core';
import { decodeText, procedures, structs } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';
import { fetchStructs } from './struct-stream.js';

/** Lists as upstream does: in the order of the bytes of the names. */
export const find = (run: Run, directory: string): Promise<string[]> =>
  run.fetch(procedures.find0, [directory]).then(splitSorted);

export const ls = (run: Run, directory: string): Promise<string[]> =>
  run.fetch(procedures.ls0, [directory]).then(splitSorted);

/** How daemons before 1.48.7 list a folder: in one message, which a very large folder does not fit into. */
const oldReaddir: Procedure<Dirent[]> = {
  name: 'readdir',
  proc: 138,
  args: [{ name: 'dir', type: 'string' }],
  optargs: [],
  returns: { kind: 'structlist', struct: structs.dirent },
};

/** Which of the two a daemon knows, once that was seen. */
const isOld = new WeakMap<Connection, boolean>();

export async function readdir(run: Run, dir: string): Promise<Dirent[]> {
  const connection = run.handle.requireConnection(run.name);
  const old = isOld.get(connection);
  if (old === true) return run.call(oldReaddir, [dir]);
  if (old === undefined) run.hold();
  try {
    const entries = await fetchStructs<Dirent>(run, procedures.internalReaddir, [dir], structs.dirent);
    isOld.set(connection, false);
    return entries;
  } catch (error) {
    if (old === false || !GuestfsError.is(error) || error.code !== 'ERR_GUESTFS_NOT_AVAILABLE') throw error;
    isOld.set(connection, true);
    return run.call(oldReaddir, [dir]);
  }
}

function splitSorted(list: Buffer): string[] {
  const names: Buffer[] = [];
  for (let at = 0; at < list.length;) {
    const zero = list.indexOf(0, at);
    const end = zero === -1 ? list.length : zero;
    names.push(list.subarray(at, end));
    at = end + 1;
  }
  names.sort((a, b) => Buffer.compare(a, b));
  return names.map((name) => decodeText(name, 0, name.length));
}
