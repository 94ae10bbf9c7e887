/** A file, folder or device of an archive. */
export interface CpioEntry {
  /** Without a leading slash. */
  readonly name: string;
  /** File type and permissions, as in `st_mode`. */
  readonly mode: number;
  readonly content?: Uint8Array;
  /** Major and minor number, for a device. */
  readonly device?: readonly [major: number, minor: number];
}

const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;

/**
 * Writes an archive in cpio's `newc` format, which the kernel unpacks as an initrd.
 *
 * Equal entries give equal bytes: no time and no owner of this host gets into it.
 */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.flatMap((entry, index) => formatEntry(entry, index + 1));
  parts.push(...formatEntry({ name: 'TRAILER!!!', mode: 0 }, 0));
  return Buffer.concat(parts);
}

function formatEntry(
  { name, mode, content = new Uint8Array(), device = [0, 0] }: CpioEntry,
  inode: number,
): Uint8Array[] {
  const path = Buffer.from(`${name}\0`, 'utf8');
  const links = (mode & S_IFMT) === S_IFDIR ? 2 : 1;
  const numbers = [inode, mode, 0, 0, links, 0, content.length, 0, 0, device[0], device[1], path.length, 0];
  const header = Buffer.from(`070701${numbers.map((value) => value.toString(16).padStart(8, '0')).join('')}`, 'latin1');
  return [header, path, padding(header.length + path.length), content, padding(content.length)];
}

function padding(length: number): Uint8Array {
  return new Uint8Array(-length & 3);
}
