import { describe, expect, jest, test } from '@jest/globals';
import { createEvent, EVENT_BITS, EVENT_NAMES, eventToString, GUESTFS_EVENT, GuestfsEmitter } from '../src/index.js';
import type { GuestfsEvent } from '../src/index.js';
import { collect, emitterWithFallback, oneOfEach, plain, turn } from './helpers.js';

describe('every class, three ways', () => {
  test.each(oneOfEach().map((event) => [event.type, event] as const))('%s', async (name, event) => {
    const emitter = new GuestfsEmitter();
    const heard: GuestfsEvent[] = [];
    const iterator = emitter.events(name);
    emitter.on(name, (e) => heard.push(e));
    emitter.setEventCallback((e, handle) => {
      expect(handle).toBe(0);
      heard.push(e);
    }, EVENT_BITS[name]);
    emitter.dispatch(event);
    emitter.endEvents();
    expect(heard).toEqual([event, event]);
    expect(await collect(iterator)).toEqual([event]);
  });

  test('carries bit, time, buffer, text and array whatever the class', () => {
    for (const event of oneOfEach()) {
      const { bit, text, array } = plain(event);
      expect(bit).toBe(EVENT_BITS[event.type]);
      expect(text).toBe(Buffer.from(event.buffer).toString());
      expect(array).toHaveLength(event.type === 'progress' ? 4 : 0);
      expect(event.buffer).toBeInstanceOf(Buffer);
    }
    expect(oneOfEach().find((e) => e.type === 'progress')?.array).toEqual([3n, 7n, 2n ** 53n + 1n, 2n ** 64n - 1n]);
  });
});

describe('the mask API', () => {
  test('delivers to every kind of listener in the order of registration', () => {
    const emitter = new GuestfsEmitter();
    const order: string[] = [];
    emitter.on('trace', () => order.push('channel'));
    emitter.setEventCallback(() => order.push('mask'), GUESTFS_EVENT.TRACE | GUESTFS_EVENT.LIBRARY);
    emitter.once('trace', () => order.push('once'));
    emitter.setEventCallback(() => order.push('all'), GUESTFS_EVENT.ALL);
    emitter.dispatch(createEvent.trace('x'));
    emitter.dispatch(createEvent.library('x'));
    expect(order).toEqual(['channel', 'mask', 'once', 'all', 'mask', 'all']);
  });

  test('deletes by handle, ignores handles not in use, and never uses one again', () => {
    const emitter = new GuestfsEmitter();
    const first = jest.fn();
    const second = jest.fn();
    const handle = emitter.setEventCallback(first, GUESTFS_EVENT.ALL);
    const other = emitter.setEventCallback(second, GUESTFS_EVENT.ALL);
    emitter.deleteEventCallback(handle);
    emitter.deleteEventCallback(handle);
    emitter.deleteEventCallback(99);
    emitter.dispatch(createEvent.launchDone());
    expect(first).not.toHaveBeenCalled();
    expect(second).toHaveBeenCalledTimes(1);
    emitter.deleteEventCallback(other);
    expect(emitter.setEventCallback(first, GUESTFS_EVENT.CLOSE)).toBe(2);
    expect(EVENT_NAMES.map((name) => emitter.listenerCount(name))).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  test('takes more than a thousand registrations', () => {
    const emitter = new GuestfsEmitter();
    const callback = jest.fn();
    for (let i = 0; i < 1500; i++) expect(emitter.setEventCallback(callback, GUESTFS_EVENT.ENTER)).toBe(i);
    emitter.dispatch(createEvent.enter('mount'));
    expect(callback).toHaveBeenCalledTimes(1500);
    expect(callback.mock.calls.at(-1)?.[1]).toBe(1499);
  });

  test.each([
    ['an empty mask', () => new GuestfsEmitter().setEventCallback(() => 0, 0)],
    ['an unknown bit', () => new GuestfsEmitter().setEventCallback(() => 0, 0x400)],
    ['a negative mask', () => new GuestfsEmitter().setEventCallback(() => 0, -1)],
    ['a fraction', () => new GuestfsEmitter().setEventCallback(() => 0, 1.5)],
    ['a name as mask', () => new GuestfsEmitter().setEventCallback(() => 0, 'trace' as never)],
    ['flags', () => new GuestfsEmitter().setEventCallback(() => 0, 1, 1)],
    ['no function', () => new GuestfsEmitter().setEventCallback({} as never, 1)],
    ['no listener', () => new GuestfsEmitter().on('trace', undefined as never)],
    ['an unknown name', () => new GuestfsEmitter().on('error' as never, () => 0)],
    ['a name of Object', () => new GuestfsEmitter().events('constructor' as never)],
    ['an unknown policy', () => new GuestfsEmitter().events('trace', { overflow: 'grow' as never })],
    ['no capacity', () => new GuestfsEmitter().events('trace', { capacity: 0 })],
    ['an unknown bit to name', () => eventToString(0x1000)],
  ])('refuses %s', (_what, act) => {
    expect(act).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT', name: 'GuestfsError' }));
  });

  test('names the bits of a mask', () => {
    expect(eventToString(GUESTFS_EVENT.CLOSE | GUESTFS_EVENT.SUBPROCESS_QUIT)).toBe('close,subprocess_quit');
    expect(eventToString(0)).toBe('');
    expect(eventToString(GUESTFS_EVENT.ALL).split(',')).toHaveLength(10);
  });
});

describe('channels', () => {
  test('off removes the one added last, also one added by once', () => {
    const emitter = new GuestfsEmitter();
    const listener = jest.fn();
    emitter.on('enter', listener).on('enter', listener).once('enter', listener);
    emitter.off('enter', listener).off('enter', listener);
    expect(emitter.listenerCount('enter')).toBe(1);
    emitter.dispatch(createEvent.enter('ls'));
    expect(listener).toHaveBeenCalledTimes(1);
    emitter.off('enter', listener).off('enter', listener);
    expect(emitter.wants('enter')).toBe(false);
  });

  test('a listener removed by an earlier one is not called any more', () => {
    const emitter = new GuestfsEmitter();
    const late = jest.fn();
    emitter.on('enter', () => emitter.off('enter', late));
    emitter.on('enter', late);
    emitter.dispatch(createEvent.enter('ls'));
    expect(late).not.toHaveBeenCalled();
  });

  test('once is called once, also when it causes such an event itself', () => {
    const emitter = new GuestfsEmitter();
    const listener = jest.fn(() => emitter.dispatch(createEvent.enter('again')));
    emitter.once('enter', listener);
    emitter.dispatch(createEvent.enter('ls'));
    expect(listener).toHaveBeenCalledTimes(1);
  });
});

describe('the guard', () => {
  test('a listener that throws or rejects stops nobody and is reported as a warning', async () => {
    const emitter = new GuestfsEmitter();
    const warnings: GuestfsEvent[] = [];
    const after = jest.fn();
    const failure = new Error('thrown');
    emitter.on('warning', (e) => warnings.push(e));
    emitter.on('trace', () => {
      throw failure;
    });
    emitter.on('trace', async () => Promise.reject(new Error('rejected')));
    emitter.setEventCallback(after, GUESTFS_EVENT.TRACE);
    emitter.dispatch(createEvent.trace('x'));
    await turn();
    expect(after).toHaveBeenCalledTimes(1);
    expect(warnings.map((e) => e.text)).toEqual([
      'a listener of trace events failed: thrown',
      'a listener of trace events failed: rejected',
    ]);
    expect(warnings[0]).toHaveProperty('cause', failure);
  });

  test('a listener of warnings that always fails does not go round for ever', async () => {
    const { emitter, unheard } = emitterWithFallback();
    const throwing = jest.fn(() => {
      throw new Error('again');
    });
    const rejecting = jest.fn(async () => Promise.reject(new Error('later')));
    emitter.on('warning', throwing).on('warning', rejecting);
    emitter.dispatch(createEvent.warning('first'));
    for (let i = 0; i < 5; i++) await turn();
    expect(throwing).toHaveBeenCalledTimes(3);
    expect(rejecting).toHaveBeenCalledTimes(3);
    expect(unheard).toHaveLength(4);
  });

  test.each([[undefined], [null], ['text'], [Symbol('s')], [Object.create(null)]])(
    'survives %p being thrown',
    (thrown) => {
      const { emitter, unheard } = emitterWithFallback();
      emitter.on('enter', () => {
        throw thrown;
      });
      emitter.dispatch(createEvent.enter('ls'));
      expect(unheard.map((e) => e.type)).toEqual(['warning']);
    },
  );

  test('events that a listener causes come after the present one for everybody', () => {
    const emitter = new GuestfsEmitter();
    const seen: string[] = [];
    emitter.on('enter', () => emitter.dispatch(createEvent.trace('caused')));
    emitter.setEventCallback((e) => seen.push(e.type), GUESTFS_EVENT.ALL);
    emitter.dispatch(createEvent.enter('ls'));
    expect(seen).toEqual(['enter', 'trace']);
  });

  test('a listener that answers every event with another is cut off and reported', () => {
    const { emitter, unheard } = emitterWithFallback();
    const listener = jest.fn(() => emitter.dispatch(createEvent.trace('more')));
    emitter.on('trace', listener);
    emitter.dispatch(createEvent.trace('first'));
    expect(listener.mock.calls.length).toBe(10_001);
    expect(unheard).toHaveLength(1);
    emitter.off('trace', listener);
    const healthy = jest.fn();
    emitter.on('trace', healthy).dispatch(createEvent.trace('next'));
    expect(healthy).toHaveBeenCalledTimes(1);
  });

  test('a fallback that throws reaches nobody', () => {
    const emitter = new GuestfsEmitter({
      fallback: {
        wants: () => true,
        write() {
          throw new Error('EPIPE');
        },
      },
    });
    expect(() => emitter.dispatch(createEvent.warning('x'))).not.toThrow();
    expect(emitter.wants('close')).toBe(true);
  });
});

describe('the end', () => {
  test('removes every listener after the last event was delivered, also when a listener closes', () => {
    const emitter = new GuestfsEmitter();
    const late = jest.fn();
    emitter.on('close', () => emitter.endEvents());
    emitter.setEventCallback(late, GUESTFS_EVENT.CLOSE);
    emitter.dispatch(createEvent.close());
    expect(late).toHaveBeenCalledTimes(1);
    expect(emitter.listenerCount('close')).toBe(0);
    emitter.on('trace', late).dispatch(createEvent.trace('x'));
    expect(late).toHaveBeenCalledTimes(1);
  });

  test('a callback set afterwards is refused, and removing one is not', () => {
    const emitter = new GuestfsEmitter();
    const number = emitter.setEventCallback(jest.fn(), GUESTFS_EVENT.ALL);
    emitter.endEvents();
    expect(() => emitter.setEventCallback(jest.fn(), GUESTFS_EVENT.ALL)).toThrow(
      expect.objectContaining({ code: 'ERR_GUESTFS_CLOSED' }),
    );
    expect(() => emitter.deleteEventCallback(number)).not.toThrow();
    expect(() => emitter.deleteEventCallback(number + 7)).not.toThrow();
  });

  test.each(['on', 'once'] as const)('whoever asks for `close` with %s afterwards is told once', async (method) => {
    const emitter = new GuestfsEmitter();
    const event = createEvent.close();
    emitter.dispatch(event);
    emitter.endEvents();
    const listener = jest.fn();
    emitter[method]('close', listener);
    expect(listener).not.toHaveBeenCalled();
    await Promise.resolve();
    expect(listener.mock.calls).toEqual([[event]]);
    expect(emitter.listenerCount('close')).toBe(0);
  });

  test('an iterator asked for afterwards has ended', async () => {
    const emitter = new GuestfsEmitter();
    emitter.endEvents();
    expect(await collect(emitter.events('trace'))).toEqual([]);
  });
});
