import { must, type Side } from './sides/side.js';

const NAME = /(?<![a-z])sd([a-z])(?![a-z])/g;
/** What `blkid` and others give as the number of a disk: MAJOR:MINOR. */
const NUMBER = /^8:(\d+)$/;
const SCSI_MAJOR = 8n;
const letter = (index: number): string => String.fromCharCode('a'.charCodeAt(0) + index);

/** The places in the machine of the disks that its kernel calls sda, sdb … in the order in which it found them. */
export class KernelDisks {
  readonly #places: ReadonlyMap<string, string>;

  constructor(places: ReadonlyMap<string, string>) {
    this.#places = places;
  }

  /** Replaces the kernel's names and numbers in a text. */
  inText(text: string): string {
    const number = NUMBER.exec(text);
    if (number !== null) return this.#ofMinor(Number(number[1]));
    return text.replaceAll(NAME, (_, found: string) => `sd${this.#places.get(found) ?? `<${found}>`}`);
  }

  /** The name of the disk or partition that a device number means; null for every other device. */
  ofNumber(device: bigint): string | null {
    const major = (device >> 8n) & 0xfffn;
    const minor = (device & 0xffn) | ((device >> 12n) & 0xfff00n);
    return major === SCSI_MAJOR ? this.#ofMinor(Number(minor)) : null;
  }

  #ofMinor(minor: number): string {
    const disk = this.inText(`sd${letter(Math.trunc(minor / 16))}`);
    return minor % 16 === 0 ? disk : `${disk}${minor % 16}`;
  }
}

/** Asks a launched machine, whose daemon takes devices by their place, for the kernel's names of so many disks. */
export async function kernelDisks(side: Side, disks: number): Promise<KernelDisks> {
  const places = new Map<string, string>();
  for (let index = 0; index < disks; index += 1) {
    const listing = String(await must(side, 'sfdisk_l', [`/dev/sd${letter(index)}`]));
    const found = /\/dev\/sd([a-z])\b/.exec(listing);
    if (found === null) throw new Error(`${side.name}: no name of a disk in ${listing}`);
    places.set(found[1]!, letter(index));
  }
  return new KernelDisks(places);
}
