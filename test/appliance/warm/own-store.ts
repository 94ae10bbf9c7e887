import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Guestfs, type GuestfsOptions } from 'guestfs';
import { host, processesOf, SETTINGS, sparse, until } from './support.js';

/** The `guestfs` program, as built. */
export const PROGRAM = fileURLToPath(new URL('../../../packages/guestfs/bin/guestfs.js', import.meta.url));
const LIBRARY = new URL('../../../packages/guestfs/dist/index.js', import.meta.url).href;
const KEY = /^[0-9a-f]{32}$/;

/** What ended programs said, and their exit status. */
export interface Said {
  readonly status: number | null;
  readonly text: string;
}

/** A cache folder of a test's own, with everything temporary beside it, so that what is left behind is seen. */
export class OwnStore {
  readonly folder: string;
  readonly cachedir: string;
  readonly tmp: string;
  /** The folder of the templates; it is there once something was launched. */
  readonly store: string;
  readonly #children = new Set<ChildProcess>();

  private constructor(folder: string) {
    this.folder = folder;
    this.cachedir = join(folder, 'cache');
    this.tmp = join(folder, 'tmp');
    this.store = join(this.cachedir, `.guestfs-${process.geteuid?.()}`, 'warm');
  }

  static async make(name: string): Promise<OwnStore> {
    const own = new OwnStore(await mkdtemp(join(tmpdir(), `guestfs-${name}-`)));
    await mkdir(own.cachedir);
    await mkdir(own.tmp);
    await sparse(own.disk, 64);
    return own;
  }

  get disk(): string {
    return join(this.folder, 'disk');
  }

  get environment(): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      TMPDIR: this.tmp,
      LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg',
      LIBGUESTFS_CACHEDIR: this.cachedir,
    };
  }

  get options(): GuestfsOptions {
    return { ...SETTINGS, environment: this.environment };
  }

  async templates(): Promise<string[]> {
    return (await readdir(this.store)).filter((name) => KEY.test(name));
  }

  /** The only template that there is. */
  async template(): Promise<{ key: string; folder: string }> {
    const [key, ...others] = await this.templates();
    if (key === undefined || others.length > 0) throw new Error('there is not exactly one template');
    return { key, folder: join(this.store, key) };
  }

  /** Starts a program of Node in a process of its own, by a command that it is handed to. */
  start(args: readonly string[], environment: Record<string, string> = {}, by: readonly string[] = []): ChildProcess {
    const [command, ...rest] = [...by, process.execPath, ...args];
    return this.startProgram(command!, rest, environment);
  }

  /** Starts any program with this store's environment. */
  startProgram(command: string, args: readonly string[], environment: Record<string, string> = {}): ChildProcess {
    const env = { ...this.environment, ...environment };
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /**
   * A program that launches, makes a call, and ends; it prints the library's own log. Being a process of its own, it has no
   * time to make a template in the background.
   */
  startLaunch(
    environment: Record<string, string> = {},
    by: readonly string[] = [],
    disk: string = this.disk,
  ): ChildProcess {
    const script = `
      import { Guestfs } from ${JSON.stringify(LIBRARY)};
      const g = new Guestfs();
      g.on('library', ({ text }) => console.log(text.trim()));
      g.addDrive(${JSON.stringify(disk)}, { format: 'raw' });
      await g.launch();
      if ((await g.listDevices()).join() !== '/dev/sda') throw new Error('the disk is not there');
      await g.close();`;
    return this.start(['--input-type=module', '-e', script], environment, by);
  }

  /** Launches by such a program; what it told, once all that it started is gone. */
  async launch(environment: Record<string, string> = {}, by: readonly string[] = []): Promise<string> {
    const { status, text } = await ended(this.startLaunch(environment, by));
    if (status !== 0) throw new Error(`the launch ended with ${status}: ${text}`);
    await this.quiet();
    return text;
  }

  /** Waits until nothing runs that belongs to this store. */
  async quiet(): Promise<void> {
    await until(async () => (await processesOf(this.folder)).length === 0, 60_000);
  }

  /** The template that a launch looks for with these settings, and whether it found one; nothing is booted. */
  async wanted(change: GuestfsOptions = {}): Promise<{ key: string; found: boolean }> {
    const stop = new AbortController();
    const g = new Guestfs({ ...this.options, ...change });
    const lines: string[] = [];
    g.on('library', ({ text }) => {
      lines.push(text);
      if (/template [0-9a-f]{32}/.test(text)) stop.abort();
    });
    await g.launch({ signal: stop.signal }).catch(() => undefined);
    await g.close();
    return wantedIn(lines.join('\n'));
  }

  /** Kills a process as it stands, waits until all that it started is gone, and tells what is left. */
  async killAndLook(child: ChildProcess): Promise<string[]> {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await until(async () => (await this.left()).length === 0, 60_000).catch(() => undefined);
    return this.left();
  }

  /** Processes, templates that are not whole, and temporary folders, which hold the sockets. */
  async left(): Promise<string[]> {
    const partial = (await readdir(this.store)).filter((name) => !KEY.test(name) && name !== 'memo.json');
    return [...(await processesOf(this.folder)), ...partial, ...(await readdir(this.tmp))];
  }

  async remove(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.quiet();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Which template a launch's log names, and whether it was there. */
export function wantedIn(log: string): { key: string; found: boolean } {
  const [, missing, key = 'none'] = /warm start: (there is no )?template ([0-9a-f]{32})/.exec(log) ?? [];
  return { key, found: key !== 'none' && missing === undefined };
}

export async function ended(child: ChildProcess): Promise<Said> {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (bytes: Buffer) => (text += bytes.toString()));
  }
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, text };
}

/** A folder as it is, holes and all. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await host('cp', '-a', '--sparse=always', from, to);
}
