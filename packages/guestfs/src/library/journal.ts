import { GuestfsError } from '@guestfs/core';
import type { Xattr } from '@guestfs/core';
import { decodeText, procedures } from '@guestfs/core/internal';
import type { Run } from '../call/run.js';

const EQUALS = 0x3d;

/** The daemon sends each field as a length of 64 bits and that many bytes `NAME=value`. */
export async function journalGet(run: Run): Promise<Xattr[]> {
  const bytes = await run.fetch(procedures.internalJournalGet);
  const fields: Xattr[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = at + 8;
    if (start > bytes.length) throw broken(run, `${bytes.length - at} bytes where a length must be`);
    const length = bytes.readBigUInt64BE(at);
    if (length > BigInt(bytes.length - start)) throw broken(run, `a field of ${length} bytes at ${at} is cut off`);
    const end = start + Number(length);
    const equals = bytes.indexOf(EQUALS, start);
    if (equals === -1 || equals >= end) throw broken(run, `a field without a name at ${at}`);
    fields.push({ attrname: decodeText(bytes, start, equals), attrval: bytes.subarray(equals + 1, end) });
    at = end;
  }
  return fields;
}

function broken(run: Run, what: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_PROTOCOL', `the journal's entry cannot be read: ${what}`, {
    operation: run.name,
  });
}
