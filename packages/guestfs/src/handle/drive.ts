import { accessSync, constants } from 'node:fs';
import { GuestfsError } from '@guestfs/core';
import type { DriveConfig } from '@guestfs/core';
import { absolutePath, hostPath } from '@guestfs/core/internal';
import type { AddDriveOptions } from '../generated/options.js';
import { hostError } from '../files/sources.js';
import { checkServers } from './servers.js';

const DISCARDS = ['disable', 'enable', 'besteffort'] as const;
const CACHE_MODES = ['writeback', 'unsafe'] as const;

/** Checks the arguments of `addDrive` and makes the drive of them. */
export function makeDrive(filename: string, options: AddDriveOptions): DriveConfig {
  const { readonly = false, format, label, cachemode, discard, blocksize, protocol = 'file' } = options;
  if (filename === '' && protocol === 'file') throw refused('the file name is empty');
  if (format !== undefined && !/^[A-Za-z0-9_-]+$/.test(format)) {
    throw refused('`format` must be made of ASCII letters, digits, `_` and `-`');
  }
  if (label !== undefined && !/^[A-Za-z]{1,20}$/.test(label)) throw refused('`label` must be 1 to 20 ASCII letters');
  if (blocksize !== undefined && blocksize !== 512 && blocksize !== 4096) {
    throw refused('`blocksize` must be 512 or 4096');
  }
  const cache = oneOf('cachemode', CACHE_MODES, cachemode);
  const trim = oneOf('discard', DISCARDS, discard);
  if (readonly && trim === 'enable') throw refused('`discard` cannot be `enable` on a read-only drive');
  checkServers(protocol, filename, options);
  if (protocol === 'file') checkFile(filename, options);
  return {
    // At once: the program may change its folder before it launches.
    file: protocol === 'file' ? absolutePath(filename) : filename,
    readonly,
    ...given('format', filename === '/dev/null' ? 'raw' : format),
    ...given('iface', options.iface),
    ...given('name', options.name),
    ...given('label', label),
    ...given('protocol', protocol === 'file' ? undefined : protocol),
    ...given('servers', options.server),
    ...given('username', options.username),
    ...given('secret', options.secret),
    ...given('cachemode', cache),
    ...given('discard', trim),
    ...given('copyonread', options.copyonread),
    ...given('blocksize', blocksize),
  };
}

function checkFile(filename: string, options: AddDriveOptions): void {
  if (filename === '/dev/null') {
    if (options.format !== undefined && options.format !== 'raw')
      throw refused('the format of /dev/null must be `raw`');
    return;
  }
  try {
    accessSync(hostPath(filename), constants.R_OK);
  } catch (cause) {
    throw hostError('addDrive', `the disk image ${filename} cannot be read`, cause);
  }
}

function oneOf<T extends string>(name: string, words: readonly T[], word: string | undefined): T | undefined {
  if (word === undefined || (words as readonly string[]).includes(word)) return word as T | undefined;
  throw refused(`\`${name}\` must be one of ${words.map((each) => `\`${each}\``).join(', ')}`);
}

function given<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}

function refused(message: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', message, { operation: 'addDrive' });
}
