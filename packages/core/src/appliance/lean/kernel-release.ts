import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';

const BOOT_MAGIC_OFFSET = 0x202;
const VERSION_POINTER_OFFSET = 0x20e;
const BANNER = 'Linux version ';
/** An unpacked kernel is smaller; more would be no kernel. */
const UNPACKED_LIMIT = 256 * 1024 * 1024;

/** The release of a kernel image (`6.1.0-18-amd64`), which names its folder below /lib/modules; null when it tells none. */
export async function kernelRelease(file: string): Promise<string | null> {
  const image = await readFile(file);
  return fromBootHeader(image) ?? fromBanner(image) ?? fromBanner(unpacked(image));
}

/** x86: the boot protocol's header points to the text. */
function fromBootHeader(image: Buffer): string | null {
  if (image.length < 0x210 || image.toString('latin1', BOOT_MAGIC_OFFSET, BOOT_MAGIC_OFFSET + 4) !== 'HdrS')
    return null;
  const pointer = image.readUInt16LE(VERSION_POINTER_OFFSET);
  return pointer === 0 ? null : firstWord(image, pointer + 0x200);
}

/** Elsewhere: the line that the kernel prints first. */
function fromBanner(image: Buffer): string | null {
  const at = image.indexOf(BANNER, 0, 'latin1');
  return at === -1 ? null : firstWord(image, at + BANNER.length);
}

function firstWord(image: Buffer, at: number): string | null {
  return /^[A-Za-z0-9._+~-]+/.exec(image.toString('latin1', at, at + 128))?.[0] ?? null;
}

function unpacked(image: Buffer): Buffer {
  if (image[0] !== 0x1f || image[1] !== 0x8b) return Buffer.alloc(0);
  try {
    return gunzipSync(image, { maxOutputLength: UNPACKED_LIMIT });
  } catch {
    return Buffer.alloc(0);
  }
}
