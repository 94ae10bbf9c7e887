export { createGuestFs } from './create.js';
export type { FileContent } from './content/content.js';
export type { CpOptions } from './tree/copying.js';
export { GuestDir, GuestDirent } from './tree/dirent.js';
export { GuestFileHandle } from './content/file-handle.js';
export { realDirectory } from './tree/real-directory.js';
export type { TimeLike } from './metadata.js';
export type { NameEncoding, PathLike } from './paths.js';
export { GuestBigIntStats, GuestStats } from './stats.js';
export {
  GuestReadStream,
  GuestWriteStream,
  type ReadStreamOptions,
  type WriteStreamOptions,
} from './content/streams.js';
export type { ReadFileOptions, WriteFileOptions } from './content/content-functions.js';
export type { GuestFs, GuestFsPromises } from './types.js';
