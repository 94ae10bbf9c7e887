import { expect, test } from '@jest/globals';
import { GuestfsError } from '@guestfs/core';
import { procedures } from '@guestfs/core/internal';
import { formatCall, formatFailure, formatResult } from '../../src/call/trace.js';
import { signatures } from '../../src/generated/signatures.js';

test('a call shows its arguments and options', () => {
  expect(formatCall(procedures.mkfs, ['ext4', '/dev/sda1'], { blocksize: 4096 })).toBe(
    'mkfs "ext4" "/dev/sda1" "blocksize:4096"',
  );
  expect(formatCall(procedures.command, [['ls', '-l']])).toBe('command "ls -l"');
  expect(formatCall(signatures.setAppend, [null])).toBe('setAppend null');
});

test('keys, passwords and secret options are hidden', () => {
  expect(formatCall(procedures.luksAddKey, ['/dev/sda', 'old', 'new', 1])).toBe('luksAddKey "/dev/sda" *** *** 1');
  expect(formatCall(signatures.addDrive, ['x'], { secret: 'word' })).toBe('addDrive "x" "secret:***"');
  expect(formatCall(signatures.setLibvirtRequestedCredential, [0, Buffer.from('pw')])).not.toContain('pw');
});

test.each([
  [undefined, '0'],
  [true, '1'],
  [5n, '5'],
  ['x', '"x"'],
  [null, 'null'],
  [['a', 'b'], '["a", "b"]'],
  [{ a: 1n, b: 'c' }, '{ a: 1, b: "c" }'],
  [Buffer.from('a'), '"a"'],
])('a result %p is shown as %s', (value, text) => expect(formatResult('f', value)).toBe(`f = ${text}`));

test('long values are cut', () => {
  expect(formatResult('f', 'x'.repeat(1000))).toMatch(/^f = "x{256}" \(cut, 1000 characters in all\)$/);
  expect(formatResult('f', Buffer.alloc(1000, 120))).toMatch(/cut, 1000 bytes in all/);
  expect(
    formatResult(
      'f',
      Array.from({ length: 1000 }, () => 'abc'),
    ).length,
  ).toBeLessThan(400);
});

test('a failure is one line, and does not name the function twice', () => {
  const error = new GuestfsError('EINVAL', 'wrong', { operation: 'f', hint: 'mend it' });
  expect(formatFailure('f', error)).toBe('f = -1 (wrong)');
  const called = new GuestfsError('EINVAL', 'wrong', { operation: 'f', args: '("x")' });
  expect(formatFailure('f', called)).toBe('f = -1 (wrong)');
  expect(formatFailure('f', new Error('f: other'))).toBe('f = -1 (f: other)');
});
