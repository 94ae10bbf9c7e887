import { isUtf8 } from 'node:buffer';
import { symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriveConfig } from '../config/config.js';
import type { QemuOption } from '../qemu/options.js';
import { checkDriveFile, type DriveKind } from './drive-file.js';
import { walkChain } from './chain.js';
import { realHostPath } from './host-path.js';
import { fileSource, networkSource, type DriveSource } from './source.js';

/** A drive in the form that the command line takes. */
export interface PreparedDrive {
  readonly config: DriveConfig;
  /** Options that name the source. */
  readonly source: readonly QemuOption[];
  readonly format: string | undefined;
  /** The file with the secret, where the source has one. */
  readonly secret: { readonly id: string; readonly file: string; readonly encoding: 'raw' | 'base64' } | null;
}

/** Looks at every drive before anything is started, and gives their kinds in order. */
export async function checkDrives(drives: readonly DriveConfig[]): Promise<DriveKind[]> {
  const kinds: DriveKind[] = [];
  // One after another: the error is then always about the first wrong one.
  for (const drive of drives) {
    const kind = await checkDriveFile(drive);
    if (kind === 'file' || kind === 'block-device') await walkChain(drive);
    kinds.push(kind);
  }
  return kinds;
}

/** Puts what qemu needs beside the drives into the machine's private folder: secrets, links, the stand-in for /dev/null. */
export async function prepareDrives(
  drives: readonly DriveConfig[],
  kinds: readonly DriveKind[],
  folder: string,
): Promise<PreparedDrive[]> {
  return Promise.all(drives.map(async (config, index) => prepareDrive(config, kinds[index] ?? 'file', folder, index)));
}

async function prepareDrive(
  config: DriveConfig,
  kind: DriveKind,
  folder: string,
  index: number,
): Promise<PreparedDrive> {
  if (kind === 'null-device') {
    const file = join(folder, `null${index}.img`);
    await writeFile(file, '');
    await truncate(file, 4096);
    const { options } = fileSource(file, 'file', false);
    return {
      config: { ...config, readonly: false, discard: 'disable', copyonread: false },
      source: options,
      format: 'raw',
      secret: null,
    };
  }
  const source =
    kind === 'network'
      ? networkSource(config, `secret${index}`)
      : await localSource(config, kind, folder, `drive${index}`);
  return { config, source: source.options, format: config.format, secret: await storeSecret(source, folder) };
}

async function localSource(
  config: DriveConfig,
  kind: 'file' | 'block-device',
  folder: string,
  id: string,
): Promise<DriveSource> {
  const path = await realHostPath(config.file);
  const source = fileSource(await passableName(path, folder, id), kind, config.readonly);
  if (isUtf8(lastName(path))) return source;
  return { ...source, options: [...source.options, ...(await backingOptions(config, folder, id))] };
}

/**
 * A name that can stand on a command line: Node passes only UTF-8 there, so other bytes go by a link. The link stands for
 * the folder where that is enough, so that names which the image has for files beside it stay right.
 */
async function passableName(path: Buffer, folder: string, id: string): Promise<string> {
  if (isUtf8(path)) return path.toString();
  const name = lastName(path);
  const link = join(folder, id);
  if (!isUtf8(name)) {
    await symlink(path, link);
    return link;
  }
  await symlink(path.subarray(0, path.length - name.length), link);
  return `${link}/${name.toString()}`;
}

/** Options that name the backing files of an image that goes by a link, beside which qemu would look for them. */
async function backingOptions(config: DriveConfig, folder: string, id: string): Promise<QemuOption[]> {
  const [, ...behind] = await walkChain(config);
  const options: QemuOption[] = [];
  for (const [depth, { path, kind, format }] of behind.entries()) {
    const prefix = 'backing.'.repeat(depth + 1);
    const name = await passableName(path, folder, `${id}-${depth}`);
    if (format !== undefined) options.push([`${prefix}driver`, format]);
    options.push([`${prefix}file.driver`, kind === 'file' ? 'file' : 'host_device'], [`${prefix}file.filename`, name]);
  }
  return options;
}

function lastName(path: Buffer): Buffer {
  return path.subarray(path.lastIndexOf(0x2f) + 1);
}

async function storeSecret({ secret }: DriveSource, folder: string): Promise<PreparedDrive['secret']> {
  if (secret === null) return null;
  const file = join(folder, secret.id);
  await writeFile(file, secret.content, { mode: 0o600, flag: 'wx' });
  return { id: secret.id, file, encoding: secret.encoding };
}
