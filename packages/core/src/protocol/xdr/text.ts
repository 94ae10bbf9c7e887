const ESCAPE = 0xdc00;
const REPLACEMENT = '\ufffd';

/** Decodes UTF-8; each byte that is not part of valid UTF-8 becomes one lone surrogate U+DC80–U+DCFF. */
export function decodeText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  // Node puts U+FFFD for every invalid byte, so text without it was valid.
  return text.includes(REPLACEMENT) ? decodeEscaped(bytes, start, end) : text;
}

/** How many UTF-16 units become a string at once: as many as a call takes arguments without trouble. */
const BLOCK = 4096;

/** In blocks, so that time and memory grow with the length alone however many bytes are not valid. */
function decodeEscaped(bytes: Buffer, start: number, end: number): string {
  const units = new Uint16Array(BLOCK);
  let used = 0;
  let text = '';
  for (let offset = start; offset < end;) {
    if (used > BLOCK - 2) {
      text += String.fromCharCode(...units.subarray(0, used));
      used = 0;
    }
    const length = sequenceLength(bytes, offset, end);
    const code = length === 0 ? ESCAPE | bytes[offset]! : codePoint(bytes, offset, length);
    if (code > 0xffff) {
      units[used++] = 0xd7c0 + (code >> 10);
      units[used++] = ESCAPE | (code & 0x3ff);
    } else {
      units[used++] = code;
    }
    offset += Math.max(length, 1);
  }
  return text + String.fromCharCode(...units.subarray(0, used));
}

/** The code point of a well-formed sequence. */
function codePoint(bytes: Buffer, offset: number, length: number): number {
  const first = bytes[offset]!;
  if (length === 1) return first;
  let code = first & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) code = (code << 6) | (bytes[offset + i]! & 0x3f);
  return code;
}

/** How long the well-formed sequence at `at` is; 0 when there is none (Unicode 15, table 3-7). */
function sequenceLength(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const tail = (i: number, low = 0x80, high = 0xbf): boolean =>
    at + i < end && bytes[at + i]! >= low && bytes[at + i]! <= high;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    return tail(1, first === 0xe0 ? 0xa0 : 0x80, first === 0xed ? 0x9f : 0xbf) && tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    return tail(1, first === 0xf0 ? 0x90 : 0x80, first === 0xf4 ? 0x8f : 0xbf) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

/**
 * Encodes a string that holds lone surrogates: U+DC80–U+DCFF each become the byte they stand for.
 *
 * Returns null when there is another lone surrogate, which no byte stands for.
 */
export function encodeEscaped(text: string): Buffer | null {
  const bytes = Buffer.allocUnsafe(text.length * 3);
  let length = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (unit < ESCAPE) {
      const next = text.charCodeAt(i + 1);
      if (next >= ESCAPE && next <= 0xdfff) {
        i++;
        continue;
      }
      return null;
    }
    if (unit < 0xdc80 || unit > 0xdcff) return null;
    length += bytes.write(text.slice(start, i), length, 'utf8');
    bytes[length++] = unit & 0xff;
    start = i + 1;
  }
  length += bytes.write(text.slice(start), length, 'utf8');
  return bytes.subarray(0, length);
}

/** Whether every surrogate of a string is half of a pair. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
