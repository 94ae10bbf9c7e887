import { describe, expect, it } from '@jest/globals';
import { Guestfs } from '../../src/index.js';

describe('the private data area', () => {
  const make = (): Guestfs => new Guestfs({ environment: {} });

  it('keeps values of any kind by name', () => {
    const g = make();
    const value = { any: 'thing' };
    g.setPrivate('a', value);
    expect(g.getPrivate('a')).toBe(value);
    expect(g.getPrivate('b')).toBeNull();
    g.setPrivate('a', 5);
    expect(g.getPrivate('a')).toBe(5);
    expect(() => g.setPrivate(5 as never, 5)).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT' }));
  });

  it('is walked with first and next, and by an iterator, without what was removed', () => {
    const g = make();
    expect([g.firstPrivate(), g.nextPrivate()]).toEqual([null, null]);
    for (const key of ['a', 'b', 'c']) g.setPrivate(key, key);
    g.setPrivate('b', null);
    expect([g.firstPrivate(), g.nextPrivate(), g.nextPrivate()]).toEqual([['a', 'a'], ['c', 'c'], null]);
    expect([...g.privateData()]).toEqual([
      ['a', 'a'],
      ['c', 'c'],
    ]);
  });

  it('tells a walker that it was changed', () => {
    const g = make();
    g.setPrivate('a', 1);
    g.setPrivate('b', 2);
    g.firstPrivate();
    const walk = g.privateData();
    walk.next();
    g.setPrivate('c', 3);
    const changed = expect.objectContaining({ code: 'ERR_GUESTFS_STATE' });
    expect(() => g.nextPrivate()).toThrow(changed);
    expect(() => walk.next()).toThrow(changed);
    expect(g.firstPrivate()).toEqual(['a', 1]);
  });
});
