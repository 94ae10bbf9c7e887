import { describe, expect, test } from '@jest/globals';
import type { Procedure, StructDescriptor } from '@guestfs/core';
import { codecOf } from '../../../src/protocol/wire/codec.js';
import { readDaemonError } from '../../../src/protocol/wire/daemon-error.js';
import { readReplyHeader } from '../../../src/protocol/wire/header.js';
import { Reader } from '../../../src/protocol/xdr/reader.js';
import { Writer } from '../../../src/protocol/xdr/writer.js';
import { UNLOCK } from '../../support/procedures.js';
import { f32, frame, header, i32, opaque, strings, u32, u64 } from '../../support/wire.js';

const MKFS: Procedure<void> = {
  name: 'mkfs',
  proc: 278,
  args: [
    { name: 'fstype', type: 'string' },
    { name: 'device', type: 'string' },
  ],
  optargs: [
    { name: 'blocksize', type: 'int' },
    { name: 'features', type: 'string' },
    { name: 'label', type: 'string' },
  ],
  returns: { kind: 'void' },
};

const ENTRY: StructDescriptor = {
  name: 'entry',
  fields: [
    { name: 'kind', type: 'char' },
    { name: 'size', type: 'bytes' },
    { name: 'copyPercent', type: 'optpercent' },
    { name: 'vgUuid', type: 'uuid' },
    { name: 'attrval', type: 'buffer' },
  ],
};

function encode(procedure: Procedure, args: unknown[], optargs?: Record<string, unknown>, hint = 0n): Buffer {
  const writer = new Writer();
  codecOf(procedure).encode(writer, args, optargs, hint);
  return writer.take();
}

function decode(returns: Procedure['returns'], ...body: Buffer[]): unknown {
  const procedure: Procedure = { name: 'p', proc: 1, args: [], optargs: [], returns };
  return codecOf(procedure).decode(new Reader(Buffer.concat(body)));
}

describe('a call', () => {
  test('has the bytes of the protocol', () => {
    const bytes = encode(MKFS, ['ext4', '/dev/sda1'], { label: 'root' }, 5n);
    const head = Buffer.concat([u32(0x2000f5f5), u32(4), u32(278), u32(0), u32(0), u64(5n), u64(0b100n), u32(0)]);
    expect(bytes).toEqual(frame(head, opaque('ext4'), opaque('/dev/sda1'), i32(0), opaque(''), opaque('root')));
  });

  test('sets the bits of up to 64 optional arguments', () => {
    const optargs = Array.from({ length: 64 }, (_, i) => ({ name: `o${i}`, type: 'bool' as const }));
    const bytes = encode({ ...MKFS, args: [], optargs }, [], { o0: true, o31: false, o32: true, o63: true });
    expect(bytes.readBigUInt64BE(4 + 28)).toBe((1n << 63n) | (1n << 32n) | (1n << 31n) | 1n);
  });

  test('takes an undefined optional argument as not given', () => {
    expect(encode(MKFS, ['a', 'b'], { label: undefined, signal: undefined })).toEqual(encode(MKFS, ['a', 'b']));
  });

  test.each<[string, unknown[], Record<string, unknown> | undefined, string]>([
    ['one argument too few', ['ext4'], undefined, 'argument device must be a string'],
    ['one too many', ['a', 'b', 'c'], undefined, '3 arguments given where 2 are taken'],
    ['a wrong type', ['a', 5], undefined, 'argument device must be a string'],
    ['a wrong optional type', ['a', 'b'], { blocksize: '4096' }, 'argument blocksize must be a number'],
    ['null for an optional string', ['a', 'b'], { label: null }, 'argument label must be a string'],
    [
      'an unknown option',
      ['a', 'b'],
      { lable: 'x' },
      'unknown optional argument lable; it takes blocksize, features, label',
    ],
  ])('is refused with %s', (_, args, optargs, message) => {
    const writer = new Writer();
    const run = (): unknown => codecOf(MKFS).encode(writer, args, optargs, 0n);
    expect(run).toThrow(message);
    expect(run).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT' }));
    expect(writer.pending).toBe(0);
  });

  test('is refused when its arguments are too long together, with the last one named', () => {
    expect(() => encode(MKFS, ['x'.repeat(3_000_000), 'y'.repeat(3_000_000)])).toThrow(
      expect.objectContaining({ code: 'ERR_GUESTFS_MESSAGE_TOO_LARGE', message: expect.stringContaining('device') }),
    );
  });

  test('may be as long as the limit, and no longer', () => {
    const room = 4 * 1024 * 1024 - 40 - 8 - 4;
    const procedure = { ...MKFS, optargs: [] };
    expect(encode(procedure, ['a', 'x'.repeat(room)])).toHaveLength(4 + 4 * 1024 * 1024);
    expect(() => encode(procedure, ['a', 'x'.repeat(room + 1)])).toThrow(
      expect.objectContaining({ code: 'ERR_GUESTFS_MESSAGE_TOO_LARGE' }),
    );
  });

  test('says where its secrets lie', () => {
    const bytes = encode(UNLOCK, ['/dev/sda', 'hunter2'], { again: 'pass' });
    const hidden = codecOf(UNLOCK)
      .secrets()
      .map(({ start, end }) => bytes.subarray(start, end));
    expect(hidden).toEqual([opaque('hunter2'), opaque('pass')]);
  });

  test('is compiled once', () => {
    expect(codecOf(MKFS)).toBe(codecOf(MKFS));
  });
});

describe('a result', () => {
  test('keeps the kinds of struct fields apart', () => {
    const uuid = 'Q'.repeat(32);
    const body = [i32(100), u64(2n ** 63n), f32(-1), Buffer.from(uuid), opaque(Uint8Array.of(0, 1))];
    expect(decode({ kind: 'struct', struct: ENTRY }, ...body)).toEqual({
      kind: 'd',
      size: 2n ** 63n,
      copyPercent: null,
      vgUuid: uuid,
      attrval: Buffer.from([0, 1]),
    });
    body[2] = f32(12.5);
    expect(decode({ kind: 'structlist', struct: ENTRY }, u32(1), ...body)).toMatchObject([{ copyPercent: 12.5 }]);
  });

  test('takes a signed or unsigned char, and shows a byte above 127 as in strings', () => {
    const struct: StructDescriptor = { name: 's', fields: [{ name: 'c', type: 'char' }] };
    expect(decode({ kind: 'struct', struct }, i32(-1))).toEqual({ c: '\udcff' });
    expect(decode({ kind: 'struct', struct }, i32(255))).toEqual({ c: '\udcff' });
    expect(() => decode({ kind: 'struct', struct }, i32(256))).toThrow('field result.c');
  });

  test('names the field of a list that is wrong', () => {
    const good = [i32(1), u64(1n), f32(1), Buffer.alloc(32, 65), opaque('')];
    const bad = [i32(1), u64(1n), f32(1), Buffer.alloc(32, 65), u32(900)];
    expect(() => decode({ kind: 'structlist', struct: ENTRY }, u32(2), ...good, ...bad)).toThrow(
      '(at byte 104, field result[1].attrval)',
    );
  });

  test('checks a count before it makes a list', () => {
    expect(() => decode({ kind: 'structlist', struct: ENTRY }, u32(0xffffffff))).toThrow('a count of 4294967295');
    expect(() => decode({ kind: 'stringlist' }, u32(0x40000000), u32(0))).toThrow('a count of 1073741824');
  });

  test('of a hashtable has no prototype, and pairs', () => {
    const table = decode({ kind: 'hashtable' }, strings(['__proto__', 'x', 'toString', 'y'])) as Record<string, string>;
    expect(Object.getPrototypeOf(table)).toBeNull();
    expect(Object.entries(table)).toEqual([
      ['__proto__', 'x'],
      ['toString', 'y'],
    ]);
    expect(() => decode({ kind: 'hashtable' }, strings(['a']))).toThrow('a hashtable of 1 strings, which is odd');
  });
});

describe('a reply header', () => {
  const read = (bytes: Buffer): unknown => {
    const read = { proc: 0, serial: 0, failed: false };
    readReplyHeader(new Reader(bytes), read);
    return read;
  };

  test('is read', () => {
    expect(read(header(422, 9))).toEqual({ proc: 422, serial: 9, failed: false });
    expect(read(header(422, 9, 1))).toEqual({ proc: 422, serial: 9, failed: true });
  });

  test.each<[string, Buffer, string]>([
    ['another program', Buffer.concat([u32(0x20000000), header(1, 1).subarray(4)]), 'program 0x20000000 (at byte 0'],
    ['another version', Buffer.concat([u32(0x2000f5f5), u32(5), Buffer.alloc(32)]), 'protocol version 5 (at byte 4'],
    ['a call', header(1, 1, 0, 0), 'direction 0 where a reply must be (at byte 12'],
    ['an unknown status', header(1, 1, 2), 'status 2 (at byte 36'],
    ['half of it', header(1, 1).subarray(0, 20), 'bytes wanted'],
  ])('is refused with %s', (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(message);
  });
});

describe("the daemon's error", () => {
  test('is read', () => {
    const body = Buffer.concat([opaque('ENOENT'), opaque('no such thing')]);
    expect(readDaemonError(new Reader(body))).toEqual({ errno: 'ENOENT', message: 'no such thing' });
  });

  test.each<[string, Buffer, string]>([
    ['a long errno', Buffer.concat([opaque('E'.repeat(33)), opaque('')]), 'field error.errno'],
    ['a long message', Buffer.concat([opaque(''), opaque('x'.repeat(65_537))]), 'field error.message'],
    ['bytes left over', Buffer.concat([opaque(''), opaque(''), u32(0)]), 'too many at the end'],
  ])('is refused with %s', (_, bytes, message) => {
    expect(() => readDaemonError(new Reader(bytes))).toThrow(message);
  });
});
