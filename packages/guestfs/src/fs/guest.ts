import type { CallOptions, Dirent, Statns, Statvfs } from '@guestfs/core';

/** The functions of a handle that `g.fs` is made of. */
export interface GuestFiles {
  chmod(mode: number, path: string): Promise<void>;
  chown(owner: number, group: number, path: string): Promise<void>;
  copyFileToFile(source: string, destination: string): Promise<void>;
  lchown(owner: number, group: number, path: string): Promise<void>;
  ln(target: string, link: string): Promise<void>;
  lnS(target: string, link: string): Promise<void>;
  lstatns(path: string): Promise<Statns>;
  mkdirMode(path: string, mode: number): Promise<void>;
  mkdtemp(template: string): Promise<string>;
  mknod(mode: number, major: number, minor: number, path: string): Promise<void>;
  pread(path: string, count: number, offset: bigint): Promise<Buffer>;
  pwrite(path: string, content: Uint8Array, offset: bigint, options?: CallOptions): Promise<number>;
  readFile(path: string, options?: CallOptions): Promise<Buffer>;
  readdir(path: string): Promise<Dirent[]>;
  readlink(path: string): Promise<string>;
  realpath(path: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string): Promise<void>;
  rmRf(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  statns(path: string): Promise<Statns>;
  statvfs(path: string): Promise<Statvfs>;
  sync(): Promise<void>;
  truncateSize(path: string, size: bigint): Promise<void>;
  upload(source: Uint8Array, path: string, options?: CallOptions): Promise<void>;
  utimens(path: string, atime: bigint, atimeNanos: bigint, mtime: bigint, mtimeNanos: bigint): Promise<void>;
  write(path: string, content: Uint8Array | string, options?: CallOptions): Promise<void>;
  writeAppend(path: string, content: Uint8Array, options?: CallOptions): Promise<void>;
}
