import { constants } from 'node:fs';
import { access, open, readdir, stat, statfs } from 'node:fs/promises';
import {
  findProgram,
  socketFolderFault,
  probeAccelerator,
  runCommand,
  searchAppliance,
  codeOf,
  hostCpu,
  type AcceleratorName,
  type FoundAppliance,
  type HostCpu,
} from '@guestfs/core/appliance';

/** What a file is to this user. */
export interface FileFacts {
  /** The errno's name where it cannot be looked at. */
  readonly error: string | null;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly folder: boolean;
  readonly uid: number;
}

/** All that the checks ask of the host; tests answer in its place. */
export interface Probes {
  readonly platform: NodeJS.Platform;
  readonly cpu: HostCpu;
  readonly uid: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  findProgram(name: string): Promise<string | null>;
  run(file: string, args: readonly string[]): Promise<{ readonly failure: string | null; readonly output: string }>;
  file(path: string): Promise<FileFacts>;
  /** What keeps this user from having sockets in a folder; null where nothing does. */
  socketFolderFault(folder: string): string | null;
  /** Opens a device for reading and writing; the errno's name where that fails. */
  openDevice(path: string): Promise<'ok' | (string & {})>;
  names(folder: string): Promise<readonly string[]>;
  /** Bytes that this user may still write there; null where that is not known. */
  freeSpace(folder: string): Promise<bigint | null>;
  searchAppliance(path: readonly string[]): Promise<FoundAppliance | null>;
  /** Boots a kernel as far as its first line. */
  tryAccelerator(
    qemu: string,
    kernel: string,
    accelerator: AcceleratorName,
  ): Promise<{ readonly works: boolean; readonly reason: string }>;
}

/** The probes of this host. */
export const hostProbes: Probes = {
  platform: process.platform,
  cpu: hostCpu(),
  uid: process.geteuid?.(),
  env: process.env,
  findProgram: (name) => findProgram(name),
  run: (file, args) => runCommand(file, args, { timeout: 20_000, env: { LC_ALL: 'C' }, detached: true }),
  file: lookAt,
  socketFolderFault,
  openDevice: async (path) => {
    try {
      await (await open(path, 'r+')).close();
      return 'ok';
    } catch (error) {
      return codeOf(error) ?? 'unknown';
    }
  },
  names: (folder) => readdir(folder).catch(() => []),
  freeSpace: async (folder) => {
    try {
      const { bavail, bsize } = await statfs(folder, { bigint: true });
      return bavail * bsize;
    } catch {
      return null;
    }
  },
  searchAppliance: (path) => searchAppliance(path, hostCpu()).catch(() => null),
  tryAccelerator: async (qemu, kernel, accelerator) => {
    const signal = new AbortController().signal;
    const result = await probeAccelerator({ qemu, kernel, accelerator, cpu: hostCpu(), signal });
    return result.outcome === 'alive' ? { works: true, reason: '' } : { works: false, reason: result.reason };
  },
};

async function lookAt(path: string): Promise<FileFacts> {
  try {
    const found = await stat(path);
    const may = (mode: number): Promise<boolean> =>
      access(path, mode).then(
        () => true,
        () => false,
      );
    return {
      error: null,
      readable: await may(constants.R_OK),
      writable: await may(constants.W_OK),
      folder: found.isDirectory(),
      uid: found.uid,
    };
  } catch (error) {
    return { error: codeOf(error) ?? 'unknown', readable: false, writable: false, folder: false, uid: -1 };
  }
}
