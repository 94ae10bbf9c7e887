import { GuestfsError } from '@guestfs/core';
import type { Xattr } from '@guestfs/core';
import { CHUNK_MAX, decodeText, procedures } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';

const EQUALS = 0x3d;

/** The daemon sends each field as a length of 64 bits and that many bytes `NAME=value`. */
export async function journalGet(run: Run): Promise<Xattr[]> {
  const fields: Xattr[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let refusal: GuestfsError | null = null;
  const read = (bytes: Buffer): void => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (rest.length >= 8) {
      const length = rest.readBigUInt64BE();
      // The daemon says so much, and then nothing, nor does it end the file.
      if (length > CHUNK_MAX) throw (refusal = tooLong(run, length));
      const end = 8 + Number(length);
      if (rest.length < end) return;
      fields.push(readField(run, rest.subarray(8, end)));
      rest = rest.subarray(end);
    }
  };
  await run.download(procedures.internalJournalGet, [], read).catch((error: unknown) => {
    throw refusal ?? error;
  });
  if (rest.length > 0) throw broken(run, `it is cut off after ${fields.length} fields`);
  return fields;
}

function readField(run: Run, field: Buffer): Xattr {
  const equals = field.indexOf(EQUALS);
  if (equals === -1) throw broken(run, `a field of ${field.length} bytes without a name`);
  return { attrname: decodeText(field, 0, equals), attrval: field.subarray(equals + 1) };
}

function tooLong(run: Run, length: bigint): GuestfsError {
  return new GuestfsError(
    'EMSGSIZE',
    `the entry has a field of ${length} bytes, and the daemon can send ${CHUNK_MAX} at most`,
    {
      operation: run.name,
      hint: `call journalSetDataThreshold(${CHUNK_MAX}) before, which shortens compressed fields, or download the journal's files`,
    },
  );
}

function broken(run: Run, what: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_PROTOCOL', `the journal's entry cannot be read: ${what}`, {
    operation: run.name,
  });
}
