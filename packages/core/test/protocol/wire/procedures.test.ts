import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Procedure } from '@guestfs/core';
import { procedures } from '../../../src/protocol/generated/procedures.js';
import { codecOf } from '../../../src/protocol/wire/codec.js';
import { Reader } from '../../../src/protocol/xdr/reader.js';
import { Writer } from '../../../src/protocol/xdr/writer.js';
import { absentValue, anyArguments, anyResult, Cursor, readArgument } from '../../support/daemon-codec.js';

const all: Procedure[] = Object.values(procedures);
const named = all.map((procedure): [string, Procedure] => [procedure.name, procedure]);

describe('every procedure', () => {
  test('is there, with a number of its own', () => {
    expect(all.length).toBeGreaterThanOrEqual(484);
    expect(new Set(all.map((procedure) => procedure.proc)).size).toBe(all.length);
  });

  test.each(named)('%s sends its arguments', (_, procedure) => {
    const writer = new Writer();
    fc.assert(
      fc.property(anyArguments(procedure), fc.bigInt({ min: 0n, max: 2n ** 50n }), ({ args, optargs }, hint) => {
        codecOf(procedure).encode(writer, args, optargs, hint);
        const cursor = new Cursor(writer.take());
        expect(cursor.u32()).toBe(cursor.bytes.length - 4);
        expect([cursor.u32(), cursor.u32(), cursor.u32(), cursor.u32()]).toEqual([0x2000f5f5, 4, procedure.proc, 0]);
        cursor.u32();
        expect(cursor.u64()).toBe(hint);
        const mask = procedure.optargs.reduce(
          (bits, { name }, i) => (name in optargs ? bits | (1n << BigInt(i)) : bits),
          0n,
        );
        expect(cursor.u64()).toBe(mask);
        expect(cursor.u32()).toBe(0);
        expect(procedure.args.map((field) => readArgument(cursor, field.type))).toEqual(args);
        for (const field of procedure.optargs) {
          const given = field.name in optargs ? optargs[field.name] : absentValue(field);
          expect(readArgument(cursor, field.type)).toEqual(given);
        }
        expect(cursor.at).toBe(cursor.bytes.length);
      }),
      { numRuns: 4 },
    );
  });

  test.each(named)('%s reads its result, and nothing else', (_, procedure) => {
    fc.assert(
      fc.property(anyResult(procedure.returns), ({ value, bytes }) => {
        const decode = (reader: Reader): unknown => codecOf(procedure).decode(reader);
        expect(decode(new Reader(bytes))).toEqual(value);
        const long = new Reader(Buffer.concat([bytes, Buffer.alloc(4)]));
        expect(() => decode(long)).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_PROTOCOL' }));
        if (bytes.length === 0) return;
        const short = new Reader(bytes.subarray(0, bytes.length - 4));
        expect(() => decode(short)).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_PROTOCOL' }));
      }),
      { numRuns: 4 },
    );
  });

  test('takes any garbage for a reply without another error than its own', () => {
    fc.assert(
      fc.property(fc.constantFrom(...all), fc.uint8Array({ maxLength: 300 }), (procedure, garbage) => {
        try {
          codecOf(procedure).decode(new Reader(Buffer.from(garbage)));
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_GUESTFS_PROTOCOL' });
        }
      }),
      { numRuns: 1000 },
    );
  });
});
