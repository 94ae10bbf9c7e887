/** What an image says of the image behind it. */
export interface ImageHeader {
  readonly format: string;
  readonly backing: { readonly name: Buffer; readonly format: string | undefined } | null;
}

/** Gives some of a file's bytes; fewer where it ends before. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** The longest name of a backing file, in bytes: qemu's own limit. */
const LONGEST_NAME = 1023;
/** Where a VMDK that is one file keeps its descriptor, and how much of a descriptor is read, in bytes. */
const VMDK_DESCRIPTOR = 512;
const VMDK_DESCRIPTOR_LENGTH = 20 * 512;
const HEADER_LENGTH = 4096;

/**
 * Reads the header of an image in one of the formats that may have a backing file. Null for every other content, and where
 * the image is not in the format that was given; without a format it is found out as qemu does it.
 */
export async function readImageHeader(read: ReadAt, format: string | undefined): Promise<ImageHeader | null> {
  const head = await read(0, HEADER_LENGTH);
  for (const [name, reader] of Object.entries(READERS)) {
    if (format !== undefined && format !== name) continue;
    const backing = await reader(head, read);
    if (backing !== undefined) return { format: name, backing };
  }
  return null;
}

type Backing = ImageHeader['backing'];
/** Undefined where the content is of another format. */
type Reader = (head: Buffer, read: ReadAt) => Promise<Backing | undefined>;

const READERS: Readonly<Record<string, Reader>> = {
  qcow2: async (head, read) => {
    if (!starts(head, 'QFI\xfb') || head.length < 72 || head.readUInt32BE(4) < 2) return undefined;
    const name = await readName(read, head.readBigUInt64BE(8), head.readUInt32BE(16));
    return name && { name, format: qcow2BackingFormat(head) };
  },
  qcow: async (head, read) => {
    if (!starts(head, 'QFI\xfb') || head.length < 48 || head.readUInt32BE(4) !== 1) return undefined;
    const name = await readName(read, head.readBigUInt64BE(8), head.readUInt32BE(16));
    return name && { name, format: undefined };
  },
  qed: async (head, read) => {
    if (!starts(head, 'QED\0') || head.length < 64) return undefined;
    const features = head.readBigUInt64LE(16);
    if ((features & 1n) === 0n) return null;
    const name = await readName(read, BigInt(head.readUInt32LE(56)), head.readUInt32LE(60));
    return name && { name, format: (features & 4n) === 0n ? undefined : 'raw' };
  },
  vmdk: async (head, read) => {
    const plain = /^\s*(?:#[^\n]*\n\s*)*# Disk DescriptorFile/i.test(head.toString('latin1'));
    if (!plain && !starts(head, 'KDMV')) return undefined;
    const text = (await read(plain ? 0 : VMDK_DESCRIPTOR, VMDK_DESCRIPTOR_LENGTH)).toString('latin1');
    const name = /parentFileNameHint\s*=?\s*"([^"\n\0]+)"/.exec(text)?.[1];
    return name === undefined ? null : { name: Buffer.from(name, 'latin1'), format: undefined };
  },
};

function starts(head: Buffer, magic: string): boolean {
  return head.subarray(0, magic.length).toString('latin1') === magic;
}

async function readName(read: ReadAt, offset: bigint, length: number): Promise<Buffer | null> {
  if (offset === 0n || length === 0 || length > LONGEST_NAME || offset > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  const name = await read(Number(offset), length);
  return name.length === length ? name : null;
}

/** The format is in one of the extensions that follow the header: type, length, content in steps of 8 bytes. */
function qcow2BackingFormat(head: Buffer): string | undefined {
  let at = head.readUInt32BE(4) === 2 || head.length < 104 ? 72 : head.readUInt32BE(100);
  while (at + 8 <= head.length) {
    const [type, length] = [head.readUInt32BE(at), head.readUInt32BE(at + 4)];
    if (type === 0) return undefined;
    if (type === 0xe2792aca) return head.subarray(at + 8, at + 8 + length).toString('latin1');
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}
