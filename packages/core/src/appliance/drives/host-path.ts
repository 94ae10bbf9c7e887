import { readlinkSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { decodeText, encodeEscaped, isWellFormed } from '../../protocol/xdr/text.js';

/**
 * A file name made absolute by the folder that this process is in now. Nothing else of it is changed: what `..` means
 * depends on the links before it.
 */
export function absolutePath(name: string): string {
  return isAbsolute(name) ? name : `${currentFolder().replace(/\/$/, '')}/${name.replace(/^(?:\.\/+)+(?=.)/, '')}`;
}

/** A file name as Node's fs takes it, absolute: bytes where the name is not valid UTF-8. */
export function hostPath(name: string): string | Buffer {
  const path = absolutePath(name);
  return isWellFormed(path) ? path : (encodeEscaped(path) ?? path);
}

/**
 * The name of a file without links on the way, in bytes: names in an image are meant from the folder where it really is. As
 * it is where there is no such file (any more), which whoever opens it tells.
 */
export async function realHostPath(name: string): Promise<Buffer> {
  const path = hostPath(name);
  return realpath(path, 'buffer').catch(() => Buffer.from(path));
}

/** Node tells a name that is not valid UTF-8 with replacement characters, which lead nowhere. */
function currentFolder(): string {
  const folder = process.cwd();
  if (!folder.includes('\ufffd') || process.platform !== 'linux') return folder;
  const bytes = readlinkSync('/proc/self/cwd', 'buffer');
  return decodeText(bytes, 0, bytes.length);
}
