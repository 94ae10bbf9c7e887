import { describe, expect, test } from '@jest/globals';
import { encodeKey } from '../../src/call/keys.js';

const bytes = (...parts: (string | number)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))));

/** What a daemon takes for the key. */
function readKey(key: string | Uint8Array, prefixes: boolean): string {
  // A string of the protocol ends at a zero byte.
  const sent =
    Buffer.from(key as string)
      .toString('latin1')
      .split('\0')[0] ?? '';
  if (prefixes && sent.startsWith('text:')) return sent.slice(5);
  if (prefixes && sent.startsWith('base64:')) return Buffer.from(sent.slice(7), 'base64').toString('latin1');
  return sent;
}

describe.each([true, false])('a daemon that knows prefixes: %p', (prefixes) => {
  test.each(['secret', '', 'text:secret', 'base64:c2VjcmV0', 'text:', 'Text:x', 'ütext:'])(
    'reads %j as it is',
    (key) => {
      expect(readKey(encodeKey(key, prefixes), prefixes)).toBe(Buffer.from(key).toString('latin1'));
      expect(readKey(encodeKey(bytes(key), prefixes), prefixes)).toBe(Buffer.from(key).toString('latin1'));
    },
  );

  test('reads bytes that are no text', () => {
    const key = bytes('a', 0xff, '\n', 0x80);
    expect(readKey(encodeKey(key, prefixes), prefixes)).toBe('a\xff\n\x80');
  });
});

test('a zero byte needs a daemon that knows prefixes', () => {
  expect(readKey(encodeKey(bytes('a', 0, 'b'), true), true)).toBe('a\0b');
  expect(() => encodeKey(bytes('a', 0, 'b'), false)).toThrow(
    expect.objectContaining({ code: 'ERR_GUESTFS_NOT_AVAILABLE', hint: expect.stringContaining('1.60') }),
  );
});
