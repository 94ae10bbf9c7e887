/** One record of a pax header: a keyword and its value's bytes. */
export type PaxRecord = readonly [keyword: string, value: Buffer | string];

const BLOCK = 512;

/**
 * Encodes records as the body of a pax header, filled up with a comment to whole blocks of 512 bytes.
 *
 * Values are bytes, so that names which are not UTF-8 pass unchanged; tar-stream's own encoder knows strings only.
 */
export function encodePaxRecords(records: readonly PaxRecord[]): Buffer {
  const body = Buffer.concat(records.map(([keyword, value]) => record(keyword, Buffer.from(value))));
  const rest = (BLOCK - (body.length % BLOCK)) % BLOCK;
  return rest === 0 ? body : Buffer.concat([body, filler(rest)]);
}

/** A record starts with its own length in decimal, the digits included. */
function record(keyword: string, value: Buffer): Buffer {
  const tail = Buffer.concat([Buffer.from(` ${keyword}=`), value, Buffer.from('\n')]);
  let length = tail.length + 1;
  while (String(length).length + tail.length !== length) length = String(length).length + tail.length;
  return Buffer.concat([Buffer.from(String(length)), tail]);
}

/** A comment of exactly `length` bytes, or of a block more where that is too short to hold one. */
function filler(length: number): Buffer {
  const whole = length < '12 comment=\n'.length ? length + BLOCK : length;
  const head = `${whole} comment=`;
  return Buffer.from(`${head}${' '.repeat(whole - head.length - 1)}\n`);
}
