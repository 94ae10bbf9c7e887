import { symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isWellFormed } from '../../protocol/xdr/text.js';
import type { DriveConfig } from '../config/config.js';
import type { QemuOption } from '../qemu/options.js';
import { checkDriveFile, type DriveKind } from './check.js';
import { hostPath } from './host-path.js';
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
  for (const drive of drives) kinds.push(await checkDriveFile(drive));
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
      : fileSource(await passableName(config, folder, index), kind, config.readonly);
  return { config, source: source.options, format: config.format, secret: await storeSecret(source, folder) };
}

/** A name that can stand on a command line: Node passes only UTF-8 there, so other bytes go by a link. */
async function passableName(config: DriveConfig, folder: string, index: number): Promise<string> {
  const path = hostPath(config.file);
  if (typeof path === 'string' && isWellFormed(path)) return path;
  const link = join(folder, `drive${index}`);
  await symlink(path, link);
  return link;
}

async function storeSecret({ secret }: DriveSource, folder: string): Promise<PreparedDrive['secret']> {
  if (secret === null) return null;
  const file = join(folder, secret.id);
  await writeFile(file, secret.content, { mode: 0o600, flag: 'wx' });
  return { id: secret.id, file, encoding: secret.encoding };
}
