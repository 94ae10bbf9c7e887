import { isUtf8 } from 'node:buffer';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GuestfsError, type DriveConfig } from '@guestfs/core';
import {
  absolutePath,
  findProgram,
  imageInfo,
  realHostPath,
  installHint,
  lastLines,
  runCommand,
  type DriveKind,
} from '@guestfs/core/appliance';
import { needsOverlay, type LibvirtDrive, type Overlay } from './machine-xml.js';

/** Makes ready what libvirt is to be told: it needs formats by name, and overlays where qemu would make them itself. */
export async function prepareLibvirtDrives(
  drives: readonly DriveConfig[],
  kinds: readonly DriveKind[],
  folder: string,
  signal: AbortSignal,
): Promise<LibvirtDrive[]> {
  return Promise.all(
    drives.map((config, index) => prepareDrive(config, kinds[index] ?? 'file', folder, index, signal)),
  );
}

async function prepareDrive(
  config: DriveConfig,
  kind: DriveKind,
  folder: string,
  index: number,
  signal: AbortSignal,
): Promise<LibvirtDrive> {
  if (kind === 'null-device') {
    const file = join(folder, `null${index}.img`);
    await writeFile(file, '');
    await truncate(file, 4096);
    return { config: { ...config, file, readonly: false }, kind: 'file', format: 'raw', overlay: null };
  }
  if (kind === 'network') return { config, kind, format: config.format ?? 'raw', overlay: null };
  // Without links on the way: names in an image are meant from the folder where it really is.
  const real = await realHostPath(config.file);
  const file = isUtf8(real) ? real.toString() : absolutePath(config.file);
  const format = config.format ?? (await imageInfo(file, { signal })).format;
  const overlay = needsOverlay(config)
    ? await makeOverlay(file, format, join(folder, `drive${index}.qcow2`), signal)
    : null;
  return { config: { ...config, file }, kind, format, overlay };
}

/** Makes a fresh image that takes the writes in front of another one. */
export async function makeOverlay(
  backing: string,
  backingFormat: string,
  path: string,
  signal: AbortSignal,
): Promise<Overlay> {
  const program = await findProgram('qemu-img');
  if (program === null)
    throw new GuestfsError('ERR_GUESTFS_QEMU_NOT_FOUND', 'qemu-img is not installed', {
      hint: installHint('qemu-img'),
    });
  // By its plain path: the form `file:PATH` in an image is not understood by libvirt. An absolute path is no protocol.
  const args = ['create', '-q', '-f', 'qcow2', '-b', absolutePath(backing), '-F', backingFormat, path];
  const result = await runCommand(program, args, { signal, timeout: 60_000, env: { LC_ALL: 'C' } });
  signal.throwIfAborted();
  if (result.failure === null) return { path, backing: absolutePath(backing), backingFormat };
  throw new GuestfsError('ERR_GUESTFS_DRIVE', `no overlay could be made for ${backing}: qemu-img ${result.failure}`, {
    hint: 'check that the file can be read, and its format: qemu-img info FILE',
    log: lastLines(result.output),
  });
}
