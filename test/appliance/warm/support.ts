import { execFile } from 'node:child_process';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Guestfs, type GuestfsOptions } from 'guestfs';

const run = promisify(execFile);

/** Whether to run everything at its full length, which takes an hour under emulation. */
export const LONG = process.env['GUESTFS_LONG'] === '1';

/**
 * Which part of the long run this is, and of how many: `GUESTFS_PART=2/6`. The parts together are the whole, so that one
 * machine need not be taken for an hour at a stretch.
 */
export const PART: readonly [part: number, parts: number] = readPart(process.env['GUESTFS_PART'] ?? '1/1');

function readPart(text: string): [number, number] {
  const [part = 0, parts = 0] = text.split('/').map(Number);
  if (!(part >= 1 && part <= parts)) throw new Error(`GUESTFS_PART must be like 2/6, not ${text}`);
  return [part, parts];
}

/** How many of so many repetitions the part takes that this is. */
export function share(repetitions: number): number {
  const [part, parts] = PART;
  return Math.floor((repetitions * part) / parts) - Math.floor((repetitions * (part - 1)) / parts);
}

/** Emulation on every host, so that all machines are alike. */
export const SETTINGS: GuestfsOptions = { backendSettings: ['force_tcg'] };

export interface Launched {
  readonly g: Guestfs;
  /** The lines of the library's own log about templates. */
  readonly log: string[];
}

/** A launched handle, and what it told about its start. */
export async function launched(
  drives: readonly (readonly [string, Parameters<Guestfs['addDrive']>[1]])[],
  options: GuestfsOptions = {},
): Promise<Launched> {
  const g = new Guestfs({ ...SETTINGS, ...options });
  const log: string[] = [];
  g.on('library', ({ text }) => log.push(text.trim()));
  try {
    for (const [file, settings] of drives) g.addDrive(file, settings);
    await g.launch();
    return { g, log };
  } catch (error) {
    await g.close();
    throw error;
  }
}

/** Whether a start was from a template and went well. */
export function wasWarm(log: readonly string[]): boolean {
  return (
    log.some((line) => line.startsWith('guest helper: ready')) && !log.some((line) => line.includes('going on cold'))
  );
}

export async function sparse(file: string, megabytes: number): Promise<string> {
  await writeFile(file, '');
  await truncate(file, megabytes * 1024 * 1024);
  return file;
}

/** Runs a program of this host; what it wrote. Rejects where it fails. */
export async function host(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(command, args, {
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' },
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout;
}

/** The command lines of all processes that mention a folder there or in their environment. */
export async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [line, environment] = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => '')),
    );
    if (`${line}${environment}`.includes(folder) && Number(pid) !== process.pid) {
      found.push(`${pid} ${line?.replaceAll('\0', ' ')}`);
    }
  }
  return found;
}

export async function until(what: () => Promise<boolean> | boolean, limit = 30_000): Promise<void> {
  const end = Date.now() + limit;
  while (!(await what())) {
    if (Date.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Memory of a process in MB: resident, and its fair share where pages are shared. */
export async function memoryOf(pid: number): Promise<{ rss: number; pss: number }> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]) / 1024;
  return { rss: field('Rss'), pss: field('Pss') };
}
