import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createEvent, GUESTFS_EVENT, GuestfsEmitter } from '../src/index.js';
import { BoundedStore, createProgressQueue } from '../src/internal.js';
import type { GuestfsEvent } from '../src/index.js';
import { collect, countedSignal, progress, turn } from './helpers.js';

const cancelled = expect.objectContaining({ code: 'ERR_GUESTFS_CANCELLED', cause: 'enough' }) as unknown as Error;

describe('listeners and abort handlers are gone after', () => {
  function start() {
    const emitter = new GuestfsEmitter();
    const { controller, signal, count } = countedSignal();
    const iterator = emitter.events('trace', 'warning', { signal });
    const listeners = () => emitter.listenerCount('trace') + emitter.listenerCount('warning');
    expect([listeners(), count()]).toEqual([2, 1]);
    emitter.dispatch(createEvent.trace('one'));
    emitter.dispatch(createEvent.trace('two'));
    return { emitter, controller, iterator, left: () => [listeners(), count()] };
  }

  test('break', async () => {
    const { iterator, left, controller } = start();
    for await (const event of iterator) {
      expect(event.text).toBe('one');
      break;
    }
    expect(left()).toEqual([0, 0]);
    controller.abort();
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
  });

  test('throw', async () => {
    const { iterator, left } = start();
    await expect(
      (async () => {
        for await (const _ of iterator) throw new Error('mine');
      })(),
    ).rejects.toThrow('mine');
    expect(left()).toEqual([0, 0]);
  });

  test('throw()', async () => {
    const { iterator, left } = start();
    await expect(iterator.throw(new Error('mine'))).rejects.toThrow('mine');
    expect(left()).toEqual([0, 0]);
  });

  test('abort', async () => {
    const { iterator, left, controller } = start();
    controller.abort('enough');
    expect(left()).toEqual([0, 0]);
    await expect(iterator.next()).rejects.toEqual(cancelled);
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
  });

  test('abort while a read waits', async () => {
    const { iterator, left, controller } = start();
    await iterator.next();
    await iterator.next();
    const waiting = iterator.next();
    controller.abort('enough');
    await expect(waiting).rejects.toEqual(cancelled);
    expect(left()).toEqual([0, 0]);
  });

  test('abort before the start', async () => {
    const emitter = new GuestfsEmitter();
    const iterator = emitter.events('trace', { signal: AbortSignal.abort('enough') });
    expect(emitter.listenerCount('trace')).toBe(0);
    await expect(iterator.next()).rejects.toEqual(cancelled);
  });

  test('end', async () => {
    const { iterator, left, emitter } = start();
    emitter.endEvents();
    expect(left()).toEqual([0, 0]);
    expect((await collect(iterator)).map((e) => e.text)).toEqual(['one', 'two']);
  });

  test('close', async () => {
    const { iterator, left, emitter } = start();
    await iterator.next();
    await iterator.next();
    const waiting = iterator.next();
    emitter.dispatch(createEvent.close());
    emitter.endEvents();
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(left()).toEqual([0, 0]);
  });

  test('dispose', async () => {
    const { iterator, left } = start();
    await iterator[Symbol.asyncDispose]();
    await iterator[Symbol.asyncDispose]();
    expect(left()).toEqual([0, 0]);
  });
});

describe('an iterator', () => {
  test('hears from the call on, not from the first read', async () => {
    const emitter = new GuestfsEmitter();
    const iterator = emitter.events();
    emitter.dispatch(createEvent.launchDone());
    expect((await iterator.next()).value?.type).toBe('launchDone');
  });

  test('takes names, a mask, or all', async () => {
    const emitter = new GuestfsEmitter();
    const iterators = [
      emitter.events('trace', 'enter', 'trace'),
      emitter.events(GUESTFS_EVENT.TRACE | GUESTFS_EVENT.CLOSE, {}),
      emitter.events({ capacity: 5 }),
    ];
    expect(emitter.listenerCount('trace')).toBe(3);
    for (const event of [createEvent.enter('a'), createEvent.trace('b'), createEvent.close()]) emitter.dispatch(event);
    emitter.endEvents();
    const types = (await Promise.all(iterators.map((i) => collect<GuestfsEvent>(i)))).map((all) =>
      all.map((e) => e.type),
    );
    expect(types).toEqual([
      ['enter', 'trace'],
      ['trace', 'close'],
      ['enter', 'trace', 'close'],
    ]);
  });

  test('has one consumer: a second throws', async () => {
    const iterator = new GuestfsEmitter().events('trace');
    iterator[Symbol.asyncIterator]();
    expect(() => iterator[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_STATE' }));
    const first = iterator.next();
    await expect(iterator.next()).rejects.toMatchObject({ code: 'ERR_GUESTFS_STATE' });
    await iterator.return();
    expect(await first).toEqual({ value: undefined, done: true });
  });

  test('drops the oldest, counts, and warns once the reader has caught up', async () => {
    const emitter = new GuestfsEmitter();
    const warnings: string[] = [];
    emitter.on('warning', (e) => warnings.push(e.text));
    const iterator = emitter.events('library', { capacity: 3 });
    for (let i = 0; i < 10; i++) emitter.dispatch(createEvent.library(`${i}`));
    expect([iterator.dropped, warnings.length]).toEqual([7, 0]);
    for (const text of ['7', '8', '9']) expect((await iterator.next()).value?.text).toBe(text);
    expect(warnings).toEqual(['7 events were dropped: the reader of library is slow']);
    await iterator.return();
    expect(warnings).toHaveLength(1);
  });

  test('warns of what was dropped when it ends before the reader caught up', async () => {
    const emitter = new GuestfsEmitter();
    const warnings: string[] = [];
    emitter.on('warning', (e) => warnings.push(e.text));
    const iterator = emitter.events({ capacity: 1, overflow: 'drop-newest' });
    for (let i = 0; i < 4; i++) emitter.dispatch(createEvent.library(`${i}`));
    emitter.endEvents();
    expect(warnings).toEqual([expect.stringMatching(/^3 events were dropped/)]);
    expect((await collect(iterator)).map((e) => e.text)).toEqual(['0']);
  });

  test('keeps of the progress of a call the newest and never loses the last', async () => {
    const emitter = new GuestfsEmitter();
    const iterator = emitter.events('progress', 'library', { capacity: 4 });
    for (const serial of [1, 2]) {
      for (let i = 0n; i <= 100n; i++) emitter.dispatch(createEvent.progress(progress(i, 100n, serial)));
    }
    emitter.dispatch(createEvent.progress(progress(5n, 100n, 3)));
    emitter.dispatch(createEvent.progress(progress(6n, 100n, 3)));
    for (let i = 0; i < 5; i++) emitter.dispatch(createEvent.library(`${i}`));
    emitter.endEvents();
    const seen = (await collect(iterator)).map((e) => (e.type === 'progress' ? `${e.serial}:${e.position}` : e.text));
    expect(seen).toEqual(['1:100', '2:100', '3', '4']);
    expect(iterator.superseded).toBe(201);
    expect(iterator.dropped).toBe(4);
  });

  test('latest keeps the newest of each class', async () => {
    const emitter = new GuestfsEmitter();
    const iterator = emitter.events('library', 'trace', { overflow: 'latest' });
    for (let i = 0; i < 5; i++) {
      emitter.dispatch(createEvent.library(`library ${i}`));
      emitter.dispatch(createEvent.trace(`trace ${i}`));
    }
    emitter.endEvents();
    expect((await collect(iterator)).map((e) => e.text)).toEqual(['library 4', 'trace 4']);
    expect(iterator.dropped).toBe(0);
  });

  test('drop-oldest keeps every progress message while there is room', async () => {
    const emitter = new GuestfsEmitter();
    const iterator = emitter.events('progress', { overflow: 'drop-oldest' });
    for (let i = 0n; i <= 100n; i++) emitter.dispatch(createEvent.progress(progress(i)));
    emitter.endEvents();
    expect(await collect(iterator)).toHaveLength(101);
  });
});

describe('the progress queue of a call', () => {
  test('gives the newest, then the last, then the end', async () => {
    const queue = createProgressQueue();
    for (let i = 0n; i <= 100n; i++) queue.push(progress(i));
    queue.end();
    queue.push(progress(1n));
    expect((await collect(queue)).map((p) => p.position)).toEqual([100n]);
  });

  test('gives what is queued before the error of the call', async () => {
    const queue = createProgressQueue();
    queue.push(progress(40n));
    queue.fail(new Error('ENOSPC'));
    expect((await queue.next()).value?.position).toBe(40n);
    await expect(queue.next()).rejects.toThrow('ENOSPC');
    expect(await queue.next()).toEqual({ value: undefined, done: true });
  });

  test('a failure that nobody reads is no unhandled rejection', async () => {
    let unhandled = 0;
    const count = () => unhandled++;
    process.on('unhandledRejection', count);
    createProgressQueue().fail(new Error('ENOSPC'));
    await turn();
    await turn();
    process.off('unhandledRejection', count);
    expect(unhandled).toBe(0);
  });
});

test('a store behaves as a list that is searched from its start', () => {
  const item = fc.record({
    key: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    last: fc.boolean(),
    id: fc.nat(),
  });
  type Item = { key: number | undefined; last: boolean; id: number };
  fc.assert(
    fc.property(fc.array(fc.option(item, { nil: null })), fc.integer({ min: 1, max: 5 }), (steps, capacity) => {
      const store = new BoundedStore<Item>({ capacity, keyOf: (i) => i.key, isLast: (i) => i.last });
      const model: Item[] = [];
      let lost = 0;
      for (const step of steps) {
        if (step === null) {
          expect(store.shift()).toBe(model.shift());
          continue;
        }
        const older = model.findIndex((i) => i.key !== undefined && i.key === step.key && !i.last);
        if (older >= 0) model.splice(older, 1);
        else if (model.length >= capacity) {
          model.splice(
            Math.max(
              0,
              model.findIndex((i) => !i.last),
            ),
            1,
          );
          lost++;
        }
        model.push(step);
        store.push(step);
        expect([store.size, store.dropped]).toEqual([model.length, lost]);
      }
      while (model.length > 0) expect(store.shift()).toBe(model.shift());
      expect(store.shift()).toBeUndefined();
    }),
  );
});
