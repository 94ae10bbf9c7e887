import { describe, expect, it } from '@jest/globals';
import { canonical } from './canonical.js';
import { call, refused } from './case.js';
import { comparable, type Machine, type Outcome } from './compare.js';
import { KernelDisks } from './kernel-disks.js';
import { compared, differs } from './report.js';
import { STATUS, type Rule } from './rule.js';

/** The kernel found the disks in the order b, a. */
const crossed = new KernelDisks(
  new Map([
    ['a', 'b'],
    ['b', 'a'],
  ]),
);
const straight = new KernelDisks(
  new Map([
    ['a', 'a'],
    ['b', 'b'],
  ]),
);
const started = Date.now();
const machine: Machine = { disks: straight, started };
const other: Machine = { disks: crossed, started };

const same = (a: unknown, b: unknown, rule?: Rule): boolean =>
  comparable({ result: canonical(a) }, machine, rule) === comparable({ result: canonical(b) }, other, rule);

describe('the comparison', () => {
  it('tells every value, kind and order apart', () => {
    expect(same({ aB: 1n, c: null }, { c: null, aB: 1n })).toBe(true);
    for (const [a, b] of [
      [1n, 2n],
      ['1', 1n],
      [null, ''],
      ['', Buffer.alloc(0)],
      [Buffer.from('a'), Buffer.from('b')],
      [[1], [1, 1]],
      [
        ['a', 'b'],
        ['b', 'a'],
      ],
      [{ a: 1 }, { a: 1, b: null }],
      [1, 1.5],
    ]) {
      expect(same(a, b)).toBe(false);
    }
  });

  it('takes a reading of the clock for another one, but no other time', () => {
    const at = (seconds: number) => ({ stMtimeSec: BigInt(seconds), stMtimeNsec: 1n });
    const now = Math.trunc(started / 1000);
    expect(same(at(now), { stMtimeSec: BigInt(now + 5), stMtimeNsec: 999_999_999n }, STATUS)).toBe(true);
    expect(same(at(now), at(now - 3600), STATUS)).toBe(false);
    expect(same(at(1000), at(1001), STATUS)).toBe(false);
    expect(same(at(now), at(now * 1000), STATUS)).toBe(false);
    expect(same(at(now), { ...at(now), stMtimeNsec: 1_000_000_000n }, STATUS)).toBe(false);
  });

  it('reads times in words as those of the guest, which has no time zone', () => {
    const rule: Rule = { times: ['when'], because: '' };
    const at = (time: number) => ({ when: new Date(time).toUTCString().replace(' GMT', '') });
    expect(same(at(started), at(started + 5000), rule)).toBe(true);
    expect(same(at(started), at(started - 3_600_000), rule)).toBe(false);
    expect(same({ when: 'n/a' }, { when: 'never' }, rule)).toBe(false);
  });

  it('knows a disk by its place, whatever the kernel calls it', () => {
    expect(same('/dev/sda1', '/dev/sdb1', STATUS)).toBe(true);
    expect(same('/dev/sda1', '/dev/sda1', STATUS)).toBe(false);
    expect(same('/dev/sda1', '/dev/sdb1')).toBe(false);
    expect(same({ stDev: 0x801n }, { stDev: 0x811n }, STATUS)).toBe(true);
    expect(same({ stDev: 0x801n }, { stDev: 0x812n }, STATUS)).toBe(false);
    expect(same({ stDev: 0xfc00n }, { stDev: 0xfc01n }, STATUS)).toBe(false);
    expect(same({ PART_ENTRY_DISK: '8:16' }, { PART_ENTRY_DISK: '8:0' }, STATUS)).toBe(true);
  });

  it('keeps which entries belong together', () => {
    const rule: Rule = { tokens: ['cookie'], because: '' };
    const pairs = (...cookies: number[]) => cookies.map((cookie) => ({ cookie }));
    expect(same(pairs(0, 7, 7, 9), pairs(0, 3, 3, 4), rule)).toBe(true);
    expect(same(pairs(0, 7, 7, 9), pairs(0, 3, 4, 4), rule)).toBe(false);
    expect(same(pairs(0, 7), pairs(1, 7), rule)).toBe(false);
  });

  it('compares errors by their errno', () => {
    const failed = (errno: string | null): Outcome => ({ error: { errno, message: String(Math.random()) } });
    expect(comparable(failed('ENOENT'), machine)).toBe(comparable(failed('ENOENT'), other));
    expect(comparable(failed('ENOENT'), machine)).not.toBe(comparable(failed(null), other));
  });
});

describe('the report', () => {
  const outcome: Outcome = { result: null };
  const failure: Outcome = { error: { errno: 'ENOENT', message: 'no' } };
  const report = (step: ReturnType<typeof call>, a: Outcome, b: Outcome) =>
    compared({ name: 'g', steps: [step] }, { outcomes: [a], machine }, { outcomes: [b], machine: other })[0]!;

  it('finds steps that fail on both sides without being meant to, and the reverse', () => {
    expect(differs(report(call('touch', '/a'), outcome, outcome))).toBe(false);
    expect(differs(report(call('touch', '/a'), failure, failure))).toBe(true);
    expect(differs(report(refused(call('touch', '/a')), failure, failure))).toBe(false);
    expect(differs(report(refused(call('touch', '/a')), outcome, outcome))).toBe(true);
    expect(differs(report(refused(call('touch', '/a')), failure, outcome))).toBe(true);
  });

  it('counts an errno only where both sides have it', () => {
    expect(report(refused(call('touch', '/a')), failure, failure).errno).toBe(true);
    const silent: Outcome = { error: { errno: null, message: 'no' } };
    expect(report(refused(call('touch', '/a')), silent, silent).errno).toBe(false);
    expect(report(refused(call('touch', '/a')), failure, silent).errno).toBe(false);
  });
});
