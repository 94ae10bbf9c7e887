import type { Guestfs } from '../guestfs.js';

/** The functions of a handle that `g.fs` is made of. */
export type GuestFiles = Pick<
  Guestfs,
  | 'chmod'
  | 'chown'
  | 'copyFileToFile'
  | 'lchown'
  | 'ln'
  | 'lnS'
  | 'lstatns'
  | 'mkdirMode'
  | 'mkdtemp'
  | 'mknod'
  | 'pread'
  | 'pwrite'
  | 'readFile'
  | 'readdir'
  | 'readlink'
  | 'realpath'
  | 'rename'
  | 'rm'
  | 'rmRf'
  | 'rmdir'
  | 'statns'
  | 'statvfs'
  | 'sync'
  | 'truncateSize'
  | 'upload'
  | 'utimens'
  | 'write'
  | 'writeAppend'
>;
