import type { HostFile } from './host-file.js';

/** How many bytes may wait to be written before the giver is asked to wait, and how few let it go on. */
const HIGH = 1024 * 1024;
const LOW = 256 * 1024;

/**
 * Writes buffers to a file in their order: at once where the file takes them that quickly, else all that wait in one go,
 * since a write costs two changes of thread, whatever its size, and buffers from a socket are small.
 */
export class FileWriter {
  readonly #opening: Promise<HostFile>;
  #file: HostFile | null = null;
  #waiting: Buffer[] = [];
  #size = 0;
  #running: Promise<void> | null = null;
  #failure: { readonly cause: unknown } | null = null;
  #onRoom: (() => void) | null = null;

  /** Takes over a file that is being opened. */
  constructor(opening: Promise<HostFile>) {
    this.#opening = opening;
    // Told by the first write or by `finish`.
    opening.catch(() => undefined);
  }

  /**
   * Takes bytes, which the giver may change afterwards. A promise asks to wait until there is room; throws or rejects
   * with the failure of this or an earlier write.
   */
  write(bytes: Buffer): void | Promise<void> {
    this.#throwFailure();
    if (this.#running === null && this.#file?.quick === true) return this.#file.writeNow(bytes);
    this.#waiting.push(Buffer.from(bytes));
    this.#size += bytes.length;
    this.#running ??= this.#run();
    if (this.#size > HIGH) return this.#room();
  }

  /** Writes what waits, and closes the file. */
  async finish(): Promise<void> {
    await this.#running;
    const file = await this.#opening;
    await file.close();
    this.#throwFailure();
  }

  /** Closes the file without writing what waits; never rejects. */
  async abandon(): Promise<void> {
    this.#waiting = [];
    await this.#running;
    await this.#opening.then((file) => file.close()).catch(() => undefined);
  }

  async #room(): Promise<void> {
    await new Promise<void>((resolve) => (this.#onRoom = resolve));
    this.#throwFailure();
  }

  /** Never rejects: the failure is kept for those who ask. */
  async #run(): Promise<void> {
    try {
      this.#file = await this.#opening;
      while (this.#waiting.length > 0) {
        const buffers = this.#waiting;
        this.#waiting = [];
        await this.#file.write(buffers);
        this.#size -= buffers.reduce((sum, { length }) => sum + length, 0);
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
