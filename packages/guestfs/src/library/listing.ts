import type { Dirent } from '@guestfs/core';
import { decodeText, procedures, structs } from '@guestfs/core/internal';
import type { Run } from '../call/run.js';
import { fetchStructs } from './struct-stream.js';

/** Lists as upstream does: in the order of the bytes of the names. */
export const find = (run: Run, directory: string): Promise<string[]> =>
  run.fetch(procedures.find0, [directory]).then(splitSorted);

export const ls = (run: Run, directory: string): Promise<string[]> =>
  run.fetch(procedures.ls0, [directory]).then(splitSorted);

export const readdir = (run: Run, dir: string): Promise<Dirent[]> =>
  fetchStructs<Dirent>(run, procedures.internalReaddir, [dir], structs.dirent);

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
