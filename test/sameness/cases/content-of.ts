import { createHash } from 'node:crypto';

/** Bytes without pattern, the same on every run. */
export function randomContent(size: number, seed = 'seed'): Buffer {
  const blocks: Buffer[] = [];
  for (let made = 0, index = 0; made < size; made += 64, index += 1) {
    blocks.push(createHash('sha512').update(`${seed} ${index}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, size);
}

/** What the first sectors of a CD hold: enough for its primary volume descriptor to be read. */
export function smallIso(): Buffer {
  const sector = Buffer.alloc(2048, ' ', 'latin1');
  sector.fill(0, 0, 8);
  sector.write('\x01CD001\x01', 0, 'latin1');
  sector.write('SYSTEM', 8);
  sector.write('VOLUME', 40);
  sector.fill(0, 72, 190);
  sector.writeUInt32LE(18, 80);
  sector.writeUInt32BE(18, 84);
  for (const [at, value] of [
    [120, 1],
    [124, 1],
    [128, 2048],
  ] as const) {
    sector.writeUInt16LE(value, at);
    sector.writeUInt16BE(value, at + 2);
  }
  sector.write('VOLSET', 190);
  sector.write('PUBLISHER', 318);
  sector.write('PREPARER', 446);
  sector.write('APPLICATION', 574);
  for (const at of [813, 830, 847, 864]) sector.write('2024022912345600\0', at, 'latin1');
  sector.fill(0, 881);
  const end = Buffer.alloc(2048);
  end.write('\xffCD001\x01', 0, 'latin1');
  return Buffer.concat([Buffer.alloc(16 * 2048), sector, end]);
}

/** A registry hive with an empty root key. */
export function smallHive(): Buffer {
  const hive = Buffer.alloc(8192);
  hive.write('regf', 0, 'latin1');
  hive.writeUInt32LE(1, 4);
  hive.writeUInt32LE(1, 8);
  hive.writeUInt32LE(1, 0x14);
  hive.writeUInt32LE(3, 0x18);
  hive.writeUInt32LE(1, 0x20);
  hive.writeUInt32LE(0x20, 0x24);
  hive.writeUInt32LE(0x1000, 0x28);
  hive.writeUInt32LE(1, 0x2c);
  let sum = 0;
  for (let at = 0; at < 0x1fc; at += 4) sum ^= hive.readUInt32LE(at);
  hive.writeUInt32LE(sum >>> 0, 0x1fc);
  const bin = hive.subarray(0x1000);
  bin.write('hbin', 0, 'latin1');
  bin.writeUInt32LE(0x1000, 8);
  rootKey(bin.subarray(0x20, 0x20 + 0x60));
  securityKey(bin.subarray(0x80, 0x80 + 0x20));
  bin.writeInt32LE(0x1000 - 0xa0, 0xa0);
  return hive;
}

function rootKey(cell: Buffer): void {
  cell.writeInt32LE(-0x60, 0);
  cell.write('nk', 4, 'latin1');
  cell.writeUInt16LE(0x2c, 6);
  for (const at of [0x20, 0x24, 0x2c, 0x34]) cell.writeUInt32LE(0xffffffff, at);
  cell.writeUInt32LE(0x80, 0x30);
  cell.writeUInt16LE(4, 0x4c);
  cell.write('ROOT', 0x50, 'latin1');
}

function securityKey(cell: Buffer): void {
  cell.writeInt32LE(-0x20, 0);
  cell.write('sk', 4, 'latin1');
  cell.writeUInt32LE(0x80, 8);
  cell.writeUInt32LE(0x80, 12);
  cell.writeUInt32LE(1, 16);
  cell.writeUInt32LE(4, 20);
}
