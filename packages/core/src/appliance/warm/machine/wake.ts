import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { GuestfsError } from '../../../protocol/errors.js';
import { LineReader } from '../../process/line-reader.js';

const LINE_LIMIT = 4096;
/** Bytes of entropy that every machine gets. */
const SEED_BYTES = 64;

/** The end of the line at which the guest helper answers. */
export class GuestHelper {
  readonly #socket: Socket;
  readonly #lines: string[] = [];
  #wanted: (() => void) | null = null;
  #end: Error | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new LineReader((line) => {
      this.#lines.push(line);
      this.#wanted?.();
    }, LINE_LIMIT);
    socket.on('data', (bytes: Buffer) => {
      try {
        reader.add(bytes);
      } catch (error) {
        this.#finish(error as Error);
      }
    });
    socket.on('error', (error) => this.#finish(error));
    socket.on('close', () => this.#finish(new Error('the connection ended')));
  }

  /**
   * Sends the time, fresh entropy and the number of disks, and has the helper get the machine ready. A rehearsal leaves the
   * ids as they are that each machine gets for itself.
   *
   * `seeded` resolves when clock, random generator and ids are the machine's own, `ready` when all disks are there, each with
   * the helper's line, for the log. Both reject when the helper reports a failure or the connection ends.
   */
  wake(
    disks: number,
    { rehearsal = false } = {},
  ): { readonly seeded: Promise<string>; readonly ready: Promise<string> } {
    const now = BigInt(Date.now());
    const seed = randomBytes(SEED_BYTES).toString('hex');
    const word = rehearsal ? 'rehearse' : 'wake';
    this.#socket.write(`${word} ${now / 1000n} ${(now % 1000n) * 1_000_000n} ${seed} ${disks}\n`);
    const seeded = this.#expect('seeded');
    const ready = seeded.then(() => this.#expect('ready'));
    // Whoever waits for `seeded` sees the failure first.
    ready.catch(() => undefined);
    return { seeded, ready };
  }

  close(): void {
    this.#socket.destroy();
  }

  async #expect(word: string): Promise<string> {
    while (this.#lines.length === 0) {
      if (this.#end !== null) throw this.#end;
      await new Promise<void>((resolve) => (this.#wanted = resolve));
    }
    const line = this.#lines.shift() ?? '';
    if (line !== word && !line.startsWith(`${word} `)) {
      throw new GuestfsError(
        'ERR_GUESTFS_PROTOCOL',
        `the guest helper answered ${JSON.stringify(line.slice(0, 200))} instead of '${word}'`,
      );
    }
    return line;
  }

  #finish(cause: Error): void {
    this.#end ??= new GuestfsError('ERR_GUESTFS_CONNECTION_LOST', 'the connection to the guest helper ended', {
      cause,
    });
    this.#socket.destroy();
    this.#wanted?.();
  }
}
