import type { Procedure, StructDescriptor } from '@guestfs/core';
import { Reader, structDecoder } from '@guestfs/core/protocol';
import type { Run } from '../../call/run.js';

/** Fetches a file that is structs in XDR, one after the other, and decodes them. */
export async function fetchStructs<Struct>(
  run: Run,
  procedure: Procedure<void>,
  args: readonly unknown[],
  struct: StructDescriptor,
): Promise<Struct[]> {
  const bytes = await run.fetch(procedure, args);
  const reader = new Reader(bytes);
  const decode = structDecoder(struct);
  const list: Struct[] = [];
  reader.at(run.name);
  while (reader.left > 0) {
    reader.index = list.length;
    list.push(decode(reader) as Struct);
  }
  return list;
}
