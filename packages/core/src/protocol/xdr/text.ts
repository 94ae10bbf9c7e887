const ESCAPE = 0xdc00;
const REPLACEMENT = '\ufffd';

/** Decodes UTF-8; each byte that is not part of valid UTF-8 becomes one lone surrogate U+DC80–U+DCFF. */
export function decodeText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  // Node puts U+FFFD for every invalid byte, so text without it was valid.
  return text.includes(REPLACEMENT) ? decodeEscaped(bytes, start, end) : text;
}

function decodeEscaped(bytes: Buffer, start: number, end: number): string {
  let text = '';
  let valid = start;
  let at = start;
  while (at < end) {
    const length = sequenceLength(bytes, at, end);
    if (length > 0) {
      at += length;
      continue;
    }
    text += bytes.toString('utf8', valid, at) + String.fromCharCode(ESCAPE | bytes[at]!);
    at += 1;
    valid = at;
  }
  return text + bytes.toString('utf8', valid, end);
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
