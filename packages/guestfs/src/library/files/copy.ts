import { constants } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { GuestfsError, type Statns } from '@guestfs/core';
import { procedures } from '@guestfs/core/protocol';
import { packTree } from '../../archive/pack.js';
import { TargetFolder, type Metadata } from '../../archive/target-folder.js';
import { unpackTree } from '../../archive/unpack.js';
import { estimateArchive, joinBytes } from '../../archive/walk.js';
import type { Run } from '../../call/run.js';
import { hostError } from '../../files/sources.js';
import { encodeName, nameOf } from '../../fs/paths.js';
import { realDirectory } from '../../fs/tree/real-directory.js';

const { S_IFMT, S_IFDIR, S_IFREG } = constants;

// Their errors and progress are told under the name that the user called.
const tarIn = { ...procedures.tarIn, name: 'copyIn' };
const tarOut = { ...procedures.tarOut, name: 'copyOut' };
const download = { ...procedures.download, name: 'copyOut' };

/** Copies a file or folder of the host, with all that it holds, into a folder of the guest. */
export async function copyIn(run: Run, localpath: string, remotedir: string): Promise<void> {
  run.hold();
  const path = toBytes(localpath);
  await lstat(path).catch(fail(run, `${localpath} cannot be read`));
  const { stMode } = await run.call(procedures.statns, [remotedir]);
  if (kindOf(stMode) !== S_IFDIR) throw notFolder(run, remotedir);
  const folder = await realGuestPath(run, remotedir);
  const size = await estimateArchive(path, run.signal).catch(fail(run, `${localpath} cannot be read`));
  const source = packTree(path, toBytes(ownName(localpath)), { warn: (line) => run.handle.warn(`copyIn: ${line}`) });
  const options = { ...run.control.callOptions, source: named(source, run), size, countBytes: true };
  const connection = run.handle.requireConnection(run.name);
  await run.handle.transfer(run.control, () => connection.call(tarIn, [folder], undefined, options));
}

/** Copies a file or folder of the guest, with all that it holds, into a folder of the host. */
export async function copyOut(run: Run, remotepath: string, localdir: string): Promise<void> {
  run.hold();
  const folder = toBytes(localdir);
  const found = await stat(folder).catch(fail(run, `${localdir} cannot be used`));
  if (!found.isDirectory()) throw notFolder(run, localdir);
  const stats = await run.call(procedures.lstatns, [remotepath]);
  const kind = kindOf(stats.stMode);
  if (kind !== S_IFREG && kind !== S_IFDIR) {
    throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `${remotepath} is neither a file nor a folder`, {
      operation: run.name,
      hint: 'copy the folder that it is in, or what a link leads to',
    });
  }
  try {
    const copy = kind === S_IFREG ? copyFileOut : copyFolderOut;
    await run.handle.transfer(run.control, () => copy(run, remotepath, stats, folder));
  } catch (error) {
    throw hostError(run.name, 'the copy cannot be written', error);
  }
}

async function copyFileOut(run: Run, remotepath: string, stats: Statns, folder: Buffer): Promise<void> {
  const target = new TargetFolder(folder, run.name);
  const name = encodeName(nameOf(remotepath), 'latin1') as string;
  const bytes = run.handle
    .requireConnection(run.name)
    .download(download, [remotepath], undefined, run.control.callOptions);
  await target.addFile([name], metadataOf(stats), bytes);
}

async function copyFolderOut(run: Run, remotepath: string, stats: Statns, folder: Buffer): Promise<void> {
  const real = await realGuestPath(run, remotepath);
  const name = ['.', '..'].includes(nameOf(remotepath)) ? nameOf(real) : nameOf(remotepath);
  const own = name !== '';
  if (own)
    await new TargetFolder(folder, run.name).addFolder([encodeName(name, 'latin1') as string], metadataOf(stats));
  const target = new TargetFolder(own ? joinBytes(folder, toBytes(name)) : folder, run.name, own);
  const options = { ...run.control.callOptions, countBytes: true };
  const source = run.handle.requireConnection(run.name).download(tarOut, [real], { numericowner: true }, options);
  const warn = (line: string): void => run.handle.warn(`copyOut: ${line}`);
  await unpackTree(source, target, { operation: run.name, warn });
}

/** The daemon runs tar, for which links in the path would lead into the appliance. */
function realGuestPath(run: Run, path: string): Promise<string> {
  return realDirectory(
    {
      lstatns: (each: string) => run.call(procedures.lstatns, [each]),
      realpath: (each: string) => run.call(procedures.realpath, [each]),
    },
    path,
  );
}

/** The last name of a path of the host; nothing where that is no name, and only the content is meant. */
function ownName(path: string): string {
  const name = nameOf(path);
  return name === '.' || name === '..' ? '' : name;
}

function toBytes(path: string): Buffer {
  return encodeName(path, 'buffer') as Buffer;
}

function kindOf(mode: bigint): number {
  return Number(mode) & S_IFMT;
}

function metadataOf({ stMode, stUid, stGid, stMtimeSec, stMtimeNsec }: Statns): Metadata {
  const mtime = Number(stMtimeSec) + Number(stMtimeNsec) / 1e9;
  return { mode: Number(stMode) & 0o7777, uid: Number(stUid), gid: Number(stGid), mtime };
}

/** Errors of the host's files become those of the call. */
async function* named(source: AsyncIterable<Buffer>, run: Run): AsyncGenerator<Buffer, void, void> {
  try {
    yield* source;
  } catch (error) {
    throw hostError(run.name, 'the tree cannot be read', error);
  }
}

function fail(run: Run, message: string): (cause: unknown) => never {
  return (cause) => {
    throw hostError(run.name, message, cause);
  };
}

function notFolder(run: Run, path: string): GuestfsError {
  return new GuestfsError('ENOTDIR', `${path} is not a folder`, { operation: run.name });
}
