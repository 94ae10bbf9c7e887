import { resolve } from 'node:path';
import { encodeEscaped, isWellFormed } from '../../protocol/xdr/text.js';

/** A file name as Node's fs takes it, absolute: bytes where the name is not valid UTF-8. */
export function hostPath(name: string): string | Buffer {
  const path = resolve(name);
  return isWellFormed(path) ? path : (encodeEscaped(path) ?? path);
}
