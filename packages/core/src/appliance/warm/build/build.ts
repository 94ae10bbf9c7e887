import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '../../../protocol/connection/connection.js';
import { GuestfsError } from '../../../protocol/errors.js';
import { procedures } from '../../../protocol/generated/procedures.js';
import { SocketTransport } from '../../../protocol/transport/socket.js';
import { buildLeanInitrd } from '../../lean/initrd.js';
import { guestProgram } from '../../lean/guest-program.js';
import { runCommand } from '../../process/run.js';
import { lastLines, Tail } from '../../process/tail.js';
import { storeRoot } from '../template/root.js';
import { ROOT_FILE } from '../template/template.js';
import { writeManifest } from '../template/check.js';
import { templateKernelArguments, type TemplateInputs, type KeyParts } from '../template/key.js';
import { HELPER_CHANNEL, warmArguments } from '../machine/machine.js';
import { runMachine, type WarmRun } from '../machine/machine-run.js';
import { saveState } from '../machine/migration.js';
import { rehearse } from './rehearse.js';
import { GuestHelper } from '../machine/wake.js';

export interface BuildTemplateOptions {
  readonly inputs: TemplateInputs;
  readonly parts: KeyParts;
  readonly key: string;
  /** An empty folder of this template's own. */
  readonly staging: string;
  readonly sockdir: string;
  readonly tmpdir: string;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** Bytes that must be free: the memory that a machine has touched, its state, what it wrote to its root. */
const ROOM = 512 * 1024 * 1024;
/** Fewer bytes than this mean that a disk is full. */
const FULL = 1024 * 1024;
/** How long qemu may take to start, in milliseconds. */
const START_LIMIT = 60_000;
/** How long qemu-img may take to make an empty overlay, in milliseconds. */
const OVERLAY_LIMIT = 60_000;
const HELPER_PATH = '/tmp/guest-helper';

/** Boots the appliance without disks and keeps it, as it stands, in the staging folder. */
export async function buildTemplate(options: BuildTemplateOptions): Promise<void> {
  const { staging, key, parts } = options;
  await checkRoom(staging);
  await storeRoot(options.inputs.appliance, join(staging, ROOT_FILE), options);
  await makeOverlay(options);
  await bootAndSave(options);
  await rm(join(staging, 'initrd'));
  await writeManifest(staging, { key, created: new Date().toISOString(), qemu: parts.qemuVersion });
}

async function checkRoom(folder: string): Promise<void> {
  if ((await freeBytes(folder)) < ROOM)
    throw noSpace(`a template needs ${ROOM / 1024 ** 2} MB, and ${folder} has less`);
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function noSpace(message: string, details: { log?: string; cause?: unknown } = {}): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_NO_SPACE', message, {
    ...details,
    hint: 'make room, or set LIBGUESTFS_CACHEDIR to a directory on another disk',
  });
}

async function makeOverlay({ inputs, staging, signal, log }: BuildTemplateOptions): Promise<void> {
  const args = [
    'create',
    '-q',
    '-f',
    'qcow2',
    '-F',
    inputs.appliance.rootFormat,
    '-b',
    // Its own, beside it: the folder gets another name when it is done.
    ROOT_FILE,
    join(staging, 'root.qcow2'),
  ];
  const result = await runCommand('qemu-img', args, { signal, log, timeout: OVERLAY_LIMIT, env: { LC_ALL: 'C' } });
  signal.throwIfAborted();
  if (result.failure === null) return;
  throw new GuestfsError(
    'ERR_GUESTFS_UNSUPPORTED',
    `qemu-img could not make the overlay of a template: it ${result.failure}`,
    {
      log: lastLines(result.output),
    },
  );
}

async function bootAndSave(options: BuildTemplateOptions): Promise<void> {
  const { inputs, staging, signal } = options;
  const initrd = await buildLeanInitrd(inputs.appliance.kernel, inputs.cpu);
  const helper = await guestProgram('guest-helper', inputs.cpu);
  if (initrd === null || helper === null) {
    throw new GuestfsError('ERR_GUESTFS_UNSUPPORTED', 'templates cannot be made for this kernel and CPU');
  }
  await writeFile(join(staging, 'initrd'), initrd, { mode: 0o600 });
  const files = { ram: join(staging, 'ram'), root: join(staging, 'root.qcow2') };
  const console = new Tail();
  try {
    const run = await runMachine(
      {
        ...options,
        qemu: inputs.qemu.file,
        pgroup: false,
        disks: { drives: [], overlays: staging, overlaySetting: 'LIBGUESTFS_CACHEDIR' },
        warn: options.log,
        start: { limit: START_LIMIT, late: () => new Error(`qemu did not start within ${START_LIMIT} ms`) },
        output: (bytes) => console.add(bytes),
        args: async (sockets) => [
          ...warmArguments({ ...inputs, ...files, use: 'make', sockets }),
          ...['-kernel', inputs.appliance.kernel, '-initrd', join(staging, 'initrd')],
          ...['-append', templateKernelArguments(inputs)],
        ],
      },
      async (run) => prepareAndSave(run, helper, options),
    );
    run.qmp.execute('quit').catch(() => undefined);
    await run.machine.ended;
    await run.home.vacate();
  } catch (error) {
    if (signal.aborted || GuestfsError.is(error)) throw error;
    const about = { log: console.lines(), cause: error };
    const message = `no template could be made: ${(error as Error).message}`;
    // qemu writes to memory that is a file, and is killed where that cannot grow.
    if ((await freeBytes(staging)) < FULL) throw noSpace(`${message}, and ${staging} is full`, about);
    throw new GuestfsError('ERR_GUESTFS_QEMU_EXITED', message, about);
  }
}

async function prepareAndSave(run: WarmRun, helper: Buffer, options: BuildTemplateOptions): Promise<WarmRun> {
  const { staging, signal, log } = options;
  const connection = await Connection.open(new SocketTransport(run.daemon, 'template'), {
    launchFlag: 'required',
    signal,
  });
  log('warm start: the appliance is up');
  await connection.call(procedures.debugUpload, [HELPER_PATH, 0o755], undefined, { source: once(helper) });
  await connection.call(procedures.debug, ['sh', [`${HELPER_PATH} /dev/virtio-ports/${HELPER_CHANNEL}`]]);
  log('warm start: rehearsing');
  await rehearse({ connection, qmp: run.qmp, helper: new GuestHelper(run.helper), folder: staging });
  log('warm start: saving the machine');
  await saveState(run.qmp, run.version, join(staging, 'state'));
  connection.destroy();
  return run;
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}
