import { decodingError } from './errors.js';
import { decodeText } from './text.js';

const EMPTY = Buffer.alloc(0);

/**
 * Reads XDR items one after the other from a message.
 *
 * Every length and count is checked against the bytes that are left before anything is allocated. What does not fit
 * throws a GuestfsError with code ERR_GUESTFS_PROTOCOL that names the byte offset, counted from the start of the
 * message, and the field that `path`, `index` and `field` tell.
 */
export class Reader {
  #bytes: Buffer = EMPTY;
  #view: DataView<ArrayBufferLike> = new DataView(EMPTY.buffer);
  #base = 0;
  #start = 0;
  #at = 0;
  #end = 0;
  #length = 0;
  #owned = false;
  /** What is read next, for messages: a name, the index in it or -1, and the field in that or ''. */
  path = '';
  index = -1;
  field = '';

  constructor(bytes: Buffer = EMPTY, start = 0, end = bytes.length) {
    this.reset(bytes, start, end, false);
  }

  /** Goes on with another message; of one that is `owned`, values may be parts. */
  reset(bytes: Buffer, start: number, end: number, owned: boolean): this {
    if (bytes !== this.#bytes) {
      // A view of the same memory is kept: many messages come in one buffer.
      if (bytes.buffer !== this.#view.buffer) this.#view = new DataView(bytes.buffer);
      this.#bytes = bytes;
      this.#base = bytes.byteOffset;
    }
    this.#start = start;
    this.#at = start;
    this.#end = end;
    this.#owned = owned;
    this.at('');
    return this;
  }

  /** Names what is read next. */
  at(path: string): void {
    this.path = path;
    this.index = -1;
    this.field = '';
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** Throws unless all was read. */
  finish(): void {
    if (this.#at !== this.#end) {
      this.at('');
      throw this.error(`${this.left} bytes too many at the end`);
    }
  }

  uint32(): number {
    this.#need(4);
    const value = this.#view.getUint32(this.#base + this.#at);
    this.#at += 4;
    return value;
  }

  int32(): number {
    this.#need(4);
    const value = this.#view.getInt32(this.#base + this.#at);
    this.#at += 4;
    return value;
  }

  uint64(): bigint {
    this.#need(8);
    const value = this.#view.getBigUint64(this.#base + this.#at);
    this.#at += 8;
    return value;
  }

  int64(): bigint {
    this.#need(8);
    const value = this.#view.getBigInt64(this.#base + this.#at);
    this.#at += 8;
    return value;
  }

  float32(): number {
    this.#need(4);
    const value = this.#view.getFloat32(this.#base + this.#at);
    this.#at += 4;
    return value;
  }

  /** XDR's bool: 0 or 1 and nothing else. */
  bool(): boolean {
    const value = this.uint32();
    if (value > 1) throw this.error(`${value} where 0 or 1 must be`, 4);
    return value === 1;
  }

  /** A string of any length, or of at most `max` bytes. */
  string(max = 0xffffffff): string {
    const start = this.#opaque(max);
    const end = start + this.#length;
    return start === end ? '' : decodeText(this.#bytes, start, end);
  }

  /** Bytes of their own: what was read into may go. */
  buffer(): Buffer {
    const start = this.#opaque(0xffffffff);
    const slice = this.#bytes.subarray(start, start + this.#length);
    // A small slice must not keep a whole message in memory.
    return this.#owned && slice.length * 2 >= slice.buffer.byteLength ? slice : Buffer.from(slice);
  }

  /** Bytes of a length that both sides know, as text. */
  fixedText(length: number): string {
    this.#need(length);
    const start = this.#at;
    this.#at += length;
    this.#padding(length);
    let end = start + length;
    while (end > start && this.#bytes[end - 1] === 0) end--;
    return decodeText(this.#bytes, start, end);
  }

  /** The count of a list whose items take at least `itemSize` bytes each. */
  count(itemSize: number): number {
    const count = this.uint32();
    if (count * itemSize > this.left) throw this.error(`a count of ${count} with ${this.left} bytes left`, 4);
    return count;
  }

  strings(): string[] {
    const count = this.count(4);
    const list = new Array<string>(count);
    for (let i = 0; i < count; i++) {
      this.index = i;
      list[i] = this.string();
    }
    this.index = -1;
    return list;
  }

  error(message: string, back = 0): Error {
    const item = this.index < 0 ? '' : `[${this.index}]`;
    const field = this.field === '' ? '' : `.${this.field}`;
    return decodingError(message, this.#at - this.#start - back, `${this.path}${item}${field}`);
  }

  /** Steps over an opaque item, leaves its length in #length, and returns where its bytes start. */
  #opaque(max: number): number {
    const length = this.uint32();
    if (length > max) throw this.error(`a length of ${length} where at most ${max} is allowed`, 4);
    if (length > this.left) throw this.error(`a length of ${length} with ${this.left} bytes left`, 4);
    const start = this.#at;
    this.#at += length;
    this.#length = length;
    if ((length & 3) !== 0) this.#padding(length);
    return start;
  }

  #padding(length: number): void {
    for (let rest = -length & 3; rest > 0; rest--) {
      this.#need(1);
      if (this.#bytes[this.#at] !== 0) throw this.error('padding that is not zero');
      this.#at++;
    }
  }

  #need(count: number): void {
    if (this.#end - this.#at < count) throw this.error(`${count} bytes wanted, ${this.left} left`);
  }
}
