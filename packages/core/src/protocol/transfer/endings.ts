import { procedures } from '../generated/procedures.js';

/**
 * Walks over a filesystem: told to stop, the daemon leaves only the folder that it is in, goes on sending, and takes
 * whatever comes next for another flag. They are not told; what they send is dropped up to their own end.
 */
const UNSTOPPABLE: ReadonlySet<number> = new Set([
  procedures.internalFilesystemWalk.proc,
  procedures.internalFindInode.proc,
]);

/** Those that do not answer at all to some files, and what may be wrong with the file. */
const SILENT: ReadonlyMap<number, string> = new Map([
  [
    procedures.yaraLoad.proc,
    'the rules may be damaged or compiled by another version of YARA: load their source, or compile them anew',
  ],
]);

/** Whether the daemon may be told to stop sending the file of this procedure. */
export function isStoppable({ proc }: { readonly proc: number }): boolean {
  return !UNSTOPPABLE.has(proc);
}

/** What is wrong where the daemon takes the whole file of this procedure and then says nothing; undefined for most. */
export function whySilent({ proc }: { readonly proc: number }): string | undefined {
  return SILENT.get(proc);
}
