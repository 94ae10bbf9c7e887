import { constants } from 'node:fs';
import { withAnswer, withCallbacks } from './callbacks.js';
import { createContentFunctions } from './content/content-functions.js';
import { createCopyFunctions } from './tree/copying.js';
import { createDirectoryFunctions } from './tree/directories.js';
import type { GuestFiles } from './guest.js';
import { createLinkFunctions } from './tree/links.js';
import { createMetadataFunctions } from './metadata.js';
import { toGuestPath, type PathLike } from './paths.js';
import { GuestReadStream, GuestWriteStream } from './content/streams.js';
import type { GuestFs, GuestFsFunctions, GuestFsPromises, StreamFunctions, WithCallbacks } from './types.js';

/**
 * Makes `g.fs` of a handle.
 *
 * Every function is an own property that needs no `this`, as programs take node:fs apart, copy and bind it.
 */
export function createGuestFs(guest: GuestFiles): GuestFs {
  const metadata = createMetadataFunctions(guest);
  const directories = createDirectoryFunctions(guest);
  const links = createLinkFunctions(guest);
  const others = { ...metadata, ...directories, ...links };
  const functions: GuestFsFunctions = {
    ...others,
    ...createContentFunctions(guest, metadata),
    ...createCopyFunctions(guest, others),
  };
  const promises: GuestFsPromises = { ...functions, constants };
  const both = {
    ...withCallbacks(functions),
    exists: withAnswer((path: PathLike) => functions.exists(path)),
  } as WithCallbacks;
  // Node has two forms of it; here both ask the guest.
  Object.assign(both.realpath, { native: both.realpath });
  return { ...both, ...createStreamFunctions(functions), constants, promises };
}

function createStreamFunctions(files: GuestFsFunctions): StreamFunctions {
  return {
    createReadStream(path, options) {
      const own = typeof options === 'string' ? { encoding: options } : (options ?? {});
      const target = toGuestPath(path);
      return new GuestReadStream(target, () => files.open(target, own.flags ?? 'r'), own);
    },

    createWriteStream(path, options) {
      const own = typeof options === 'string' ? { encoding: options } : (options ?? {});
      const target = toGuestPath(path);
      // A stream that begins in the middle leaves what is before.
      const flags = own.flags ?? (own.start === undefined ? 'w' : 'r+');
      return new GuestWriteStream(target, () => files.open(target, flags, own.mode), own);
    },
  };
}
