import * as tarStream from 'tar-stream';

/** The header of an entry that is written; its type may also be that of a pax header. */
export interface EntryFields extends Omit<Partial<tarStream.Header>, 'type'> {
  name: string;
  type: tarStream.Header['type'] | 'pax-header';
}

export type Pack = tarStream.Pack;
export type Sink = ReturnType<Pack['entry']>;
export type Extract = tarStream.Extract;
export type Header = tarStream.Header;

/** An entry that is read: a stream of its content with its header. */
export type Entry = AsyncIterable<Uint8Array> & { readonly header: Header; resume(): unknown };

export const { pack } = tarStream;

/** Begins an entry; `done` is called when it is complete, or cannot be. */
export function addEntry(pack: Pack, fields: EntryFields, done: (error?: Error | null) => void): Sink {
  // tar-stream knows the type pax-header, its typings do not.
  return pack.entry(fields as tarStream.Header, done);
}

/** A reader of tar whose names are bytes, each a character up to U+00FF. */
export function extract(): Extract & AsyncIterable<Entry> {
  const options: object = { filenameEncoding: 'latin1' };
  return tarStream.extract(options) as Extract & AsyncIterable<Entry>;
}
