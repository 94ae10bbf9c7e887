import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { SingleFlight } from '../../waiting/single-flight.js';

const records = z.record(z.string(), z.object({ of: z.string(), value: z.string() }));
/** Records beyond this number are forgotten, the oldest first. */
const LIMIT = 64;

/** What this process is working out: once for all that ask at the same time. */
const works = new SingleFlight<string>();

/** Remembers in a file what was worked out about other files, until those change. */
export class Memo {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** The value under a name if it was worked out for the same identity, else a fresh one. */
  async get(name: string, identity: string, work: () => Promise<string>): Promise<string> {
    const known = (await this.#read())[name];
    if (known?.of === identity) return known.value;
    return works.run(JSON.stringify([this.#file, name, identity]), undefined, async () => {
      const value = await work();
      await this.set(name, identity, value);
      return value;
    });
  }

  /** The value under a name and identity, null where there is none. */
  async peek(name: string, identity: string): Promise<string | null> {
    const known = (await this.#read())[name];
    return known?.of === identity ? known.value : null;
  }

  /** Two that write at once may lose one record: it is then worked out again. A full disk costs only time. */
  async set(name: string, identity: string, value: string): Promise<void> {
    const fresh = `${this.#file}.${process.pid}.${randomBytes(4).toString('hex')}`;
    const { [name]: _old, ...others } = await this.#read();
    const kept = Object.entries(others).slice(-(LIMIT - 1));
    try {
      await writeFile(fresh, JSON.stringify(Object.fromEntries([...kept, [name, { of: identity, value }]])), {
        mode: 0o600,
        flag: 'wx',
      });
      await rename(fresh, this.#file);
    } catch {
      await rm(fresh, { force: true }).catch(() => undefined);
    }
  }

  async #read(): Promise<Record<string, { of: string; value: string }>> {
    try {
      return records.parse(JSON.parse(await readFile(this.#file, 'utf8')));
    } catch {
      return {};
    }
  }
}
