import { StringDecoder } from 'node:string_decoder';
import { GuestfsError } from '../../protocol/errors.js';

/** Cuts a stream of bytes at line feeds. Empty lines are left out, and a carriage return at the end of one. */
export class LineReader {
  readonly #decoder = new StringDecoder('utf8');
  readonly #take: (line: string) => void;
  readonly #limit: number;
  #rest = '';

  /** @param limit the longest line, in characters; a longer one makes `add` throw ERR_GUESTFS_PROTOCOL. */
  constructor(take: (line: string) => void, limit: number) {
    this.#take = take;
    this.#limit = limit;
  }

  add(bytes: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(bytes)).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const text = line.replace(/\r$/, '');
      if (text !== '') this.#take(text);
    }
    if (this.#rest.length > this.#limit) {
      throw new GuestfsError('ERR_GUESTFS_PROTOCOL', `a line of more than ${this.#limit} characters arrived`);
    }
  }
}
