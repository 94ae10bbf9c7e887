import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, open, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { directBackend } from '@guestfs/attach';
import type { DriveConfig, LaunchPhase, Session } from '@guestfs/core';
import { GuestfsPool, prepareAppliance, type GuestfsError } from 'guestfs';
import { launchConfig, launchContext } from '../../support/launch-settings.js';
import { host, SETTINGS, sparse, wasWarm } from './support.js';

jest.setTimeout(900_000);

let folder: string;
const at = (name: string): string => join(folder, name);
/** Hold images as other programs do. */
const holders: ChildProcess[] = [];
let another: Session;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-warm-refused-'));
  await prepareAppliance(SETTINGS);
  await makeImages();
  for (const name of ['held', 'held.qcow2']) await hold('qemu-io', '-f', name === 'held' ? 'raw' : 'qcow2', at(name));
  await hold('qemu-nbd', '-f', 'raw', '-k', at('nbd.sock'), '-t', at('served'));
  const { context } = launchContext();
  another = await directBackend().launch(
    launchConfig({ drives: [drive('taken')], warm: true, backendSettings: ['force_tcg'] }),
    context,
  );
});
afterAll(async () => {
  await another.shutdown();
  for (const holder of holders) {
    holder.kill('SIGKILL');
    if (holder.exitCode === null && holder.signalCode === null) await once(holder, 'exit');
  }
  await rm(folder, { recursive: true, force: true });
});

async function makeImages(): Promise<void> {
  for (const name of ['raw', 'held', 'served', 'taken']) await sparse(at(name), 16);
  const make = (name: string, ...more: string[]): Promise<string> =>
    host('qemu-img', 'create', '-q', '-f', 'qcow2', ...more, at(name), ...(more.includes('-b') ? [] : ['16M']));
  for (const name of ['qcow2', 'held.qcow2', 'base', 'strange', 'wide', 'damaged', 'loop', 'second']) await make(name);
  await make('overlay', '-b', 'base', '-F', 'qcow2');
  await make('probed', '-b', 'base', '-F', 'qcow2');
  await host('qemu-img', 'rebase', '-u', '-b', 'base', at('probed')).catch(() => undefined);
  await make('lonely', '-b', 'base', '-F', 'qcow2');
  await host('qemu-img', 'rebase', '-u', '-b', 'gone', '-F', 'qcow2', at('lonely'));
  await host('qemu-img', 'rebase', '-u', '-b', 'loop', '-F', 'qcow2', at('loop'));
  await make('first', '-b', 'second', '-F', 'qcow2');
  await host('qemu-img', 'rebase', '-u', '-b', 'first', '-F', 'qcow2', at('second'));
  await link(at('raw'), at('hard'));
  await symlink('raw', at('soft'));
  await mkdir(at('elsewhere'));
  await symlink('../overlay', at('elsewhere/link'));
  await patch('strange', 72, [0xff]); // an incompatible feature that there is not
  await patch('wide', 20, [0, 0, 0, 40]); // clusters of 2^40 bytes
  await patch('damaged', 72, [0, 0, 0, 0, 0, 0, 0, 2]); // marked as corrupt
  await writeFile(at('noise'), Buffer.alloc(1 << 20, 'noise'));
  await sparse(at('odd'), 1);
  await truncate(at('odd'), (1 << 20) + 100);
  await host('mkfifo', at('pipe'));
  await make('piped', '-b', 'base', '-F', 'qcow2');
  await host('qemu-img', 'rebase', '-u', '-b', 'pipe', '-F', 'raw', at('piped'));
  await make('itself', '-b', 'base', '-F', 'qcow2');
  await host('qemu-img', 'rebase', '-u', '-b', 'itself', '-F', 'raw', at('itself'));
}

async function patch(name: string, position: number, bytes: number[]): Promise<void> {
  const file = await open(at(name), 'r+');
  await file.write(Buffer.from(bytes), 0, bytes.length, position);
  await file.close();
}

async function hold(command: string, ...args: string[]): Promise<void> {
  const holder = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, LC_ALL: 'C' } });
  holders.push(holder);
  // The image is open when the program greets, or has made its socket.
  if (command === 'qemu-io') await once(holder.stdout, 'data');
  else await host('sh', '-c', `until test -S '${at('nbd.sock')}'; do sleep 0.1; done`);
}

function drive(name: string, options: Partial<DriveConfig> = {}): DriveConfig {
  return { file: at(name), readonly: false, format: 'raw', ...options };
}
const qcow2 = (name: string, options: Partial<DriveConfig> = {}): DriveConfig =>
  drive(name, { format: 'qcow2', ...options });
const probed = (name: string, readonly = false): DriveConfig => ({ file: at(name), readonly });

/** What came of the disks: `accepted`, or the error. A cold launch is given up when its kernel runs. */
async function launch(drives: DriveConfig[], warm: boolean): Promise<unknown> {
  const stop = new AbortController();
  const phases: LaunchPhase[] = [];
  const { context, log } = launchContext({
    signal: stop.signal,
    phase: (phase) => {
      phases.push(phase);
      if (!warm && phase === 'kernelUp') stop.abort();
    },
  });
  const config = launchConfig({ drives, warm, backendSettings: ['force_tcg'] });
  try {
    const session = await directBackend().launch(config, context);
    await session.shutdown();
    expect(wasWarm(log)).toBe(warm);
    return 'accepted';
  } catch (error) {
    if (stop.signal.aborted) return 'accepted';
    return told(error);
  } finally {
    expect(log.filter((line) => line.includes('is removed'))).toEqual([]);
  }
}

function told(error: unknown): unknown {
  const { code, message } = error as GuestfsError;
  return { code, message: message.replaceAll(`${folder}/`, '').split('\n')[0] };
}

/** The same by adding the disks to a machine that runs without any. */
async function acquire(pool: GuestfsPool, drives: DriveConfig[]): Promise<unknown> {
  try {
    const g = await pool.acquire({ drives });
    await g.close();
    return 'accepted';
  } catch (error) {
    return told(error);
  }
}

const IN_USE = 'is in use by another process';

const CASES: [what: string, drives: () => DriveConfig[], drive: string | null, message: string][] = [
  ['a raw image twice', () => [drive('raw'), drive('raw')], 'raw', IN_USE],
  ['a qcow2 image twice', () => [qcow2('qcow2'), qcow2('qcow2')], 'qcow2', IN_USE],
  ['an image and its hard link', () => [drive('raw'), drive('hard')], 'hard', IN_USE],
  ['an image and its symbolic link', () => [drive('soft'), drive('raw')], 'raw', IN_USE],
  ['a qcow2 image also as raw', () => [qcow2('qcow2'), drive('qcow2')], 'qcow2', IN_USE],
  ['raw, and the same as qcow2', () => [drive('qcow2'), qcow2('qcow2')], 'qcow2', IN_USE],
  ['an overlay and its backing file', () => [qcow2('overlay'), qcow2('base')], 'base', IN_USE],
  ['a backing file and its overlay', () => [qcow2('base'), qcow2('overlay')], 'overlay', IN_USE],
  ['three disks, of which two are one', () => [drive('raw'), qcow2('qcow2'), drive('hard')], 'hard', IN_USE],
  ['writable and read-only', () => [drive('raw'), drive('raw', { readonly: true })], null, ''],
  ['read-only twice', () => [qcow2('qcow2', { readonly: true }), qcow2('qcow2', { readonly: true })], null, ''],
  ['an image that qemu-io has open', () => [drive('held')], 'held', IN_USE],
  ['a qcow2 image that qemu-io has open', () => [drive('raw'), qcow2('held.qcow2')], 'held.qcow2', IN_USE],
  ['an image that qemu-nbd serves', () => [drive('served')], 'served', IN_USE],
  ['an image of another machine of ours', () => [drive('taken')], 'taken', IN_USE],
  ['the same read-only', () => [drive('taken', { readonly: true })], null, ''],
  ['an unknown format', () => [drive('raw', { format: 'nosuch' })], 'raw', 'has a format or a protocol'],
  ['a wrong format', () => [qcow2('noise')], 'noise', 'is not in the format that was given'],
  ['an unknown feature', () => [qcow2('strange')], 'strange', 'was refused by qemu'],
  ['clusters that are too large', () => [qcow2('wide')], 'wide', 'was refused by qemu'],
  ['an image marked as corrupt', () => [qcow2('damaged')], 'damaged', 'was refused by qemu'],
  ['LUKS without a key', () => [drive('raw', { format: 'luks' })], 'raw', 'was refused by qemu'],
  ['a size that is no multiple of 512', () => [drive('odd')], null, ''],
  ['a size that is no multiple of 4096', () => [drive('odd', { blocksize: 4096 })], null, ''],
  ['no format', () => [probed('raw'), probed('overlay')], null, ''],
  ['no format of the backing file', () => [qcow2('probed')], null, ''],
  ['an overlay by a link from another folder', () => [qcow2('elsewhere/link')], null, ''],
  ['a backing file that is not there', () => [qcow2('lonely')], 'lonely', 'has a backing file that cannot be opened'],
  ['its own backing file', () => [qcow2('loop')], 'loop', 'has backing files without an end'],
  ['the same, by detection', () => [probed('loop', true)], 'loop', 'has backing files without an end'],
  ['two that back each other', () => [qcow2('first')], 'first', 'has backing files without an end'],
  ['its own content as its backing file', () => [qcow2('itself')], 'itself', IN_USE],
  ['a pipe as the backing file', () => [qcow2('piped')], 'piped', 'is neither a file nor a block device'],
];

test.each(CASES)('%s: the same by a cold and a warm launch', async (_, drives, name, message) => {
  const cold = await launch(drives(), false);
  const expected =
    name === null
      ? 'accepted'
      : { code: 'ERR_GUESTFS_DRIVE', message: expect.stringContaining(`the drive ${JSON.stringify(name)} `) };
  expect(cold).toEqual(expected);
  if (name !== null) expect(cold).toMatchObject({ message: expect.stringContaining(message) });
  expect(await launch(drives(), true)).toEqual(cold);
});

test('the same when the disks are added to the machine of a pool', async () => {
  const pool = new GuestfsPool({ ...SETTINGS, size: 1 });
  try {
    for (const [what, drives, name] of CASES.slice(0, 16)) {
      const result = await acquire(pool, drives());
      expect([what, result]).toEqual([
        what,
        name === null
          ? 'accepted'
          : { code: 'ERR_GUESTFS_DRIVE', message: expect.stringContaining(`the drive ${JSON.stringify(name)} `) },
      ]);
    }
  } finally {
    await pool.close();
  }
});
