import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { onAbort } from '../src/on-abort.js';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describe('onAbort', () => {
  test('calls back in order, once, with one listener on the signal', () => {
    const controller = new AbortController();
    const { signal } = controller;
    const called: number[] = [];
    for (let i = 0; i < 20; i++) onAbort(signal, () => void called.push(i));
    expect(listeners(signal)).toBe(1);
    controller.abort();
    controller.abort();
    expect(called).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(listeners(signal)).toBe(0);
  });

  test('calls back at once where the signal is aborted', () => {
    let called = 0;
    onAbort(AbortSignal.abort(), () => called++)();
    expect(called).toBe(1);
  });

  test('leaves nothing when all have withdrawn, and listens anew for the next', () => {
    const controller = new AbortController();
    const { signal } = controller;
    let called = 0;
    const again = (): number => called++;
    const withdrawals = [onAbort(signal, again), onAbort(signal, again)];
    withdrawals[0]!();
    withdrawals[0]!();
    expect(listeners(signal)).toBe(1);
    withdrawals[1]!();
    expect(listeners(signal)).toBe(0);
    onAbort(signal, again);
    expect(listeners(signal)).toBe(1);
    controller.abort();
    expect(called).toBe(1);
  });

  test('calls none that another one withdraws, and takes one that comes meanwhile', () => {
    const controller = new AbortController();
    const called: string[] = [];
    onAbort(controller.signal, () => {
      called.push('first');
      withdraw();
      onAbort(controller.signal, () => void called.push('late'));
    });
    const withdraw = onAbort(controller.signal, () => void called.push('withdrawn'));
    onAbort(controller.signal, () => void called.push('last'));
    controller.abort();
    expect(called).toEqual(['first', 'late', 'last']);
  });
});
