import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const LIBRARY = new URL('../../packages/guestfs/dist/index.js', import.meta.url).href;
/** A program that takes longer hangs, in milliseconds. */
const PATIENCE = 300_000;

/** What every program begins with: `say` prints a line at once, also while the process exits. */
const HEAD = `
import { Guestfs, GuestfsPool, GUESTFS_EVENT, recordEvents, recordSession } from ${JSON.stringify(LIBRARY)};
import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
const say = (line) => writeSync(1, line + '\\n');
// A handle that only main knew is lost with it, at once or never: only programs about that have lost ones collected.
globalThis.kept = [];
const told = (g) => {
  if (!globalThis.gc) kept.push(g);
  return g.on('close', () => say('close event')).on('warning', ({ text }) => say('warning: ' + text));
};
`;

/** Runs the program in a worker, whose first message has it terminated. */
const MAIN = `
import { Worker } from 'node:worker_threads';
const worker = new Worker(new URL(process.argv[2], import.meta.url), { stderr: true });
worker.on('error', ({ message }) => console.log('error: ' + message));
worker.on('exit', (code) => console.log('worker ' + code));
worker.on('message', () => worker.terminate());
`;

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  /** The lines that it printed. */
  readonly said: string[];
  readonly stderr: string;
}

/** A folder in which programs run that end in some way, and in which is seen what they leave behind. */
export class EndingPrograms implements AsyncDisposable {
  readonly folder: string;
  /** For everything temporary. */
  readonly tmp: string;
  #count = 0;

  private constructor(folder: string) {
    this.folder = folder;
    this.tmp = join(folder, 'tmp');
  }

  static async make(): Promise<EndingPrograms> {
    const programs = new EndingPrograms(await mkdtemp(join(tmpdir(), 'gfs-ends-')));
    await mkdir(programs.tmp);
    return programs;
  }

  /** Runs the body of a program to its end. */
  async run(body: string, { inWorker = false, flags = [] as string[] } = {}): Promise<Ended> {
    const name = `${++this.#count}.mjs`;
    await writeFile(join(this.folder, name), HEAD + body);
    if (inWorker) await writeFile(join(this.folder, 'main.mjs'), MAIN);
    const args = [...flags, ...(inWorker ? ['main.mjs', name] : [name])];
    // The appliance stays where it is: without this it would be in the folder of TMPDIR, too.
    const cachedir = process.env['LIBGUESTFS_CACHEDIR'] ?? process.env['TMPDIR'] ?? '/var/tmp';
    const env = { ...process.env, TMPDIR: this.tmp, LIBGUESTFS_CACHEDIR: cachedir, XDG_RUNTIME_DIR: '' };
    const child = spawn(process.execPath, args, { cwd: this.folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const guard = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    clearTimeout(guard);
    // What the host lacks is no matter here.
    const said = stdout.split('\n').filter((line) => line !== '' && !/\bKVM\b|\/dev\/kvm/.test(line));
    return { code, said, stderr };
  }

  /** The folders and processes that are left, once those that clean up have had their time. */
  async left(): Promise<string[]> {
    for (const end = Date.now() + 30_000; ; await delay(50)) {
      const left = [...(await readdir(this.tmp)), ...(await this.#processes())];
      if (left.length === 0 || Date.now() > end) return left;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async #processes(): Promise<string[]> {
    const found: string[] = [];
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
      if (line.includes(this.folder)) found.push(`${pid} ${line.replaceAll('\0', ' ')}`);
    }
    return found;
  }
}
