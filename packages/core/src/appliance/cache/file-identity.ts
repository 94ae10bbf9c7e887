import { stat } from 'node:fs/promises';

/**
 * What changes with every write to a file: device, inode, size, and the times of change to the nanosecond.
 *
 * The second of these times is the kernel's own and cannot be set back, so equal identities mean equal content.
 */
export async function fileIdentity(file: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}
