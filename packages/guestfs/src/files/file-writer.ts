import type { FileHandle } from 'node:fs/promises';

/** How many bytes may wait to be written before the giver is asked to wait, and how few let it go on. */
const HIGH = 1024 * 1024;
const LOW = 256 * 1024;

/**
 * Writes buffers to a file in their order, all that wait in one go: a write costs two changes of thread, whatever its
 * size, and buffers from a socket are small.
 */
export class FileWriter {
  readonly #file: Promise<FileHandle>;
  #waiting: Buffer[] = [];
  #size = 0;
  #running: Promise<void> | null = null;
  #failure: { readonly cause: unknown } | null = null;
  #onRoom: (() => void) | null = null;

  /** Takes over a file that is being opened. */
  constructor(file: Promise<FileHandle>) {
    this.#file = file;
    // Told by the first write or by `finish`.
    file.catch(() => undefined);
  }

  /** A promise asks to wait until there is room; throws or rejects with the failure of an earlier write. */
  write(bytes: Buffer): void | Promise<void> {
    this.#throwFailure();
    this.#waiting.push(bytes);
    this.#size += bytes.length;
    this.#running ??= this.#run();
    if (this.#size > HIGH) return this.#room();
  }

  /** Writes what waits, and closes the file. */
  async finish(): Promise<void> {
    await this.#running;
    const file = await this.#file;
    await file.close();
    this.#throwFailure();
  }

  /** Closes the file without writing what waits; never rejects. */
  async abandon(): Promise<void> {
    this.#waiting = [];
    await this.#running;
    await this.#file.then((file) => file.close()).catch(() => undefined);
  }

  async #room(): Promise<void> {
    await new Promise<void>((resolve) => (this.#onRoom = resolve));
    this.#throwFailure();
  }

  /** Never rejects: the failure is kept for those who ask. */
  async #run(): Promise<void> {
    try {
      const file = await this.#file;
      while (this.#waiting.length > 0) {
        const buffers = this.#waiting;
        this.#waiting = [];
        const size = buffers.reduce((sum, { length }) => sum + length, 0);
        await writeAll(file, buffers, size);
        this.#size -= size;
        if (this.#size <= LOW) this.#free();
      }
    } catch (cause) {
      this.#failure = { cause };
      this.#waiting = [];
    }
    this.#running = null;
    this.#free();
  }

  #free(): void {
    this.#onRoom?.();
    this.#onRoom = null;
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.cause;
  }
}

/** A write may take less than it was given, on a full disk for one, where the next one then fails. */
async function writeAll(file: FileHandle, buffers: Buffer[], size: number): Promise<void> {
  const { bytesWritten } = await file.writev(buffers);
  if (bytesWritten === size) return;
  const rest = Buffer.concat(buffers).subarray(bytesWritten);
  for (let at = 0; at < rest.length;) at += (await file.write(rest, at)).bytesWritten;
}
