import type { FileHandle } from 'node:fs/promises';

/** A run of bytes of a file that are not all zero. */
export interface DataSegment {
  readonly offset: number;
  readonly length: number;
}

const BLOCK = 4096;
const READ_SIZE = 1 << 20;
const ZEROS = Buffer.alloc(READ_SIZE);

/** Whether bytes are all zero. */
export function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += READ_SIZE) {
    const part = bytes.subarray(at, at + READ_SIZE);
    if (ZEROS.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}

/**
 * Finds the parts of a file that hold data, in blocks of 4096 bytes.
 *
 * Node cannot ask for holes, so it reads; where a hole is, the kernel only hands out zeros, which is fast.
 */
export async function findData(file: FileHandle, size: number): Promise<DataSegment[]> {
  const segments: DataSegment[] = [];
  const buffer = Buffer.allocUnsafe(READ_SIZE);
  let start = -1;
  let at = 0;
  while (at < size) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(READ_SIZE, size - at), at);
    if (bytesRead === 0) break;
    const piece = buffer.subarray(0, bytesRead);
    if (isZero(piece)) {
      if (start >= 0) segments.push({ offset: start, length: at - start });
      start = -1;
    } else {
      for (let i = 0; i < bytesRead; i += BLOCK) {
        const zero = isZero(piece.subarray(i, i + BLOCK));
        if (!zero && start < 0) start = at + i;
        if (zero && start >= 0) {
          segments.push({ offset: start, length: at + i - start });
          start = -1;
        }
      }
    }
    at += bytesRead;
  }
  if (start >= 0) segments.push({ offset: start, length: at - start });
  return segments;
}

/** Writes a stream of bytes to a new file, leaving holes where whole blocks are zero. */
export class SparseWriter {
  readonly #file: FileHandle;
  #pending: Uint8Array[] = [];
  #pendingLength = 0;
  #at = 0;
  /** Where the last byte that was written is followed by nothing. */
  #dataEnd = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Takes the bytes over; they are written when enough came together. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#pending.push(bytes);
    this.#pendingLength += bytes.length;
    if (this.#pendingLength >= READ_SIZE) await this.#flush();
  }

  /** Writes what is left and gives the file its length, also where it ends in a hole. Resolves with the length. */
  async end(): Promise<number> {
    await this.#flush();
    if (this.#at !== this.#dataEnd) await this.#file.truncate(this.#at);
    return this.#at;
  }

  async #flush(): Promise<void> {
    const bytes = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingLength = 0;
    let start = -1;
    for (let i = 0; i < bytes.length;) {
      // Pieces end where the file's blocks end, wherever in a block the bytes start.
      const end = Math.min(bytes.length, i + BLOCK - ((this.#at + i) % BLOCK));
      const zero = isZero(bytes.subarray(i, end));
      if (!zero && start < 0) start = i;
      if (zero && start >= 0) {
        await this.#writeAll(bytes.subarray(start, i), this.#at + start);
        start = -1;
      }
      i = end;
    }
    if (start >= 0) await this.#writeAll(bytes.subarray(start), this.#at + start);
    this.#at += bytes.length;
  }

  async #writeAll(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
    this.#dataEnd = position + bytes.length;
  }
}
