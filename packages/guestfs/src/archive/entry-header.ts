import type { BigIntStats } from 'node:fs';
import type { PaxRecord } from './pax-records.js';
import type { EntryFields } from './tar.js';

/** The plain header of an entry, and the pax records for all that does not fit into one. */
export interface EntryHeader {
  readonly header: EntryFields;
  readonly records: PaxRecord[];
}

const LARGEST_ID = 0o777777n;
/** In milliseconds: 2038, where tar-stream's numbers end. */
const LATEST_TIME = 0x7fffffff * 1000;
const NANOSECONDS = 1_000_000_000n;

/** Builds the header of an entry of the given type, size and name; the name's bytes may be any but NUL. */
export function entryHeader(type: EntryFields['type'], name: Buffer, stats: BigIntStats, size: number): EntryHeader {
  const records: PaxRecord[] = [['mtime', decimalTime(stats.mtimeNs)]];
  const header: EntryFields = {
    name: plainName(type, name, records),
    type,
    size,
    // With the bits of the type, which tar-stream cuts off: it takes a mode of zero for none, and opens the file to all.
    mode: Number(stats.mode),
    mtime: plainTime(stats.mtimeNs),
    uid: plainId('uid', stats.uid, records),
    gid: plainId('gid', stats.gid, records),
  };
  if (type === 'character-device' || type === 'block-device') {
    header.devmajor = deviceMajor(stats.rdev);
    header.devminor = deviceMinor(stats.rdev);
  }
  return { header, records };
}

/** Says what a link points to. */
export function setLinkName(entry: EntryHeader, target: Buffer): void {
  const short = target.length <= 100 && isPlain(target);
  entry.header.linkname = short ? target.toString('latin1') : 'link';
  if (!short) entry.records.push(['linkpath', target]);
}

function plainName(type: string, name: Buffer, records: PaxRecord[]): string {
  // A folder gets a slash of its own.
  const limit = type === 'directory' ? 99 : 100;
  if (name.length <= limit && isPlain(name)) return name.toString('latin1');
  records.push(['path', name]);
  return 'file';
}

function isPlain(bytes: Buffer): boolean {
  return bytes.every((byte) => byte < 0x80);
}

function plainId(keyword: 'uid' | 'gid', id: bigint, records: PaxRecord[]): number {
  if (id <= LARGEST_ID) return Number(id);
  records.push([keyword, String(id)]);
  return 0;
}

/** What fits into the header; tar-stream takes a zero for the present time. The record has the real one. */
function plainTime(nanoseconds: bigint): Date {
  return new Date(Math.min(Math.max(1, Number(nanoseconds / 1_000_000n)), LATEST_TIME));
}

/** Seconds since the epoch, with all nine digits after the point. */
function decimalTime(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? '-' : '';
  const absolute = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  return `${sign}${absolute / NANOSECONDS}.${String(absolute % NANOSECONDS).padStart(9, '0')}`;
}

/** How Linux puts a device's numbers into one (makedev). */
function deviceMajor(rdev: bigint): number {
  return Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn & 0xffffffffn));
}

function deviceMinor(rdev: bigint): number {
  return Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn & 0xffffffffn));
}
