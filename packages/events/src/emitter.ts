import { EventEmitter } from 'eventemitter3';
import { createEvent } from './create.js';
import { reasonOf, GuestfsError } from './errors.js';
import type { EventName, GuestfsEvent, GuestfsEvents } from './events.js';
import { createEventStore, parseSelection } from './iterators/iterate.js';
import type { EventsMethod } from './iterators/iterate.js';
import { AsyncQueue } from './iterators/queue.js';
import type { EventIterator } from './iterators/queue.js';
import { checkCallback, checkMask, checkName, namesOf } from './select.js';

/** A listener of one class of events. What it throws or rejects with becomes a `warning` event. */
export type EventListener<Name extends EventName> = (event: GuestfsEvents[Name]) => unknown;

/** A listener of a set of classes; it also gets the number that `setEventCallback` returned. */
export type EventCallback = (event: GuestfsEvent, handle: number) => unknown;

/** Where events go that nobody listens to. */
export interface EventFallback {
  /** Whether it does something with this class. */
  wants(name: EventName): boolean;
  write(event: GuestfsEvent): void;
}

/** The part of an emitter (or of a handle) that recordings and bridges listen through. */
export interface GuestfsEventSource {
  setEventCallback(callback: EventCallback, mask: number, flags?: number): number;
  deleteEventCallback(handle: number): void;
}

interface Subscriber {
  (event: GuestfsEvent): void;
  original?: unknown;
  active: boolean;
}

// Only a listener that answers each event with another one gets here.
const MAX_NESTED = 10_000;

/**
 * Delivers a handle's events to channels, masks and iterators, in the order in which they were registered.
 *
 * A listener that fails neither stops the others nor reaches whoever dispatches. An event dispatched by a listener is
 * delivered after the present one, so that everybody sees the same order.
 */
export class GuestfsEmitter implements GuestfsEventSource {
  readonly #channels = new EventEmitter<Record<EventName, (event: GuestfsEvent) => void>>();
  readonly #callbacks = new Map<number, { subscriber: Subscriber; names: EventName[] }>();
  readonly #iterators = new Set<AsyncQueue<GuestfsEvent>>();
  readonly #failureReports = new WeakSet<GuestfsEvent>();
  readonly #fallback: EventFallback | undefined;
  readonly #later: GuestfsEvent[] = [];
  #dispatching = false;
  #nextHandle = 0;
  #ending = false;
  #ended = false;
  /** The last event. */
  #closed: GuestfsEvent | null = null;

  constructor(options: { fallback?: EventFallback | undefined } = {}) {
    this.#fallback = options.fallback;
  }

  /**
   * Calls the listener for every event of the class from now on. The same function may be added more than once.
   *
   * Once the handle is closed nothing comes any more; whoever listens for `close` only then is told of it all the same.
   */
  on<Name extends EventName>(name: Name, listener: EventListener<Name>): this {
    return this.#listen(name, listener, false);
  }

  /** Calls the listener for the next event of the class only. */
  once<Name extends EventName>(name: Name, listener: EventListener<Name>): this {
    return this.#listen(name, listener, true);
  }

  /** Removes a listener, the one added last where it was added more than once. It is not called again. */
  off<Name extends EventName>(name: Name, listener: EventListener<Name>): this {
    checkName(name);
    const added = this.#channels.listeners(name) as Subscriber[];
    const found = added.findLast((subscriber) => subscriber.original === listener);
    if (found !== undefined) this.#unsubscribe(found, [name]);
    return this;
  }

  /** How many listeners, callbacks and iterators get this class of events. */
  listenerCount(name: EventName): number {
    return this.#channels.listenerCount(name);
  }

  /**
   * Calls the function for every event of the classes in the mask; returns a number to delete it by.
   *
   * The number is never used again. It stays until it is deleted or the handle is closed. Throws `ERR_GUESTFS_ARGUMENT`
   * for flags other than 0, a mask that is empty or has unknown bits, and what is not a function, and
   * `ERR_GUESTFS_CLOSED` once the handle is closed.
   */
  setEventCallback(callback: EventCallback, mask: number, flags = 0): number {
    checkCallback(callback);
    checkMask(mask);
    if (flags !== 0) {
      throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `flags must be 0, not ${String(flags)}`, { hint: 'leave it out' });
    }
    if (this.#ended) {
      throw new GuestfsError('ERR_GUESTFS_CLOSED', 'the handle is closed', {
        operation: 'setEventCallback',
        hint: 'make a new one',
      });
    }
    const handle = this.#nextHandle++;
    const names = namesOf(mask);
    const subscriber = this.#guard((event) => callback(event, handle));
    this.#subscribe(subscriber, names);
    this.#callbacks.set(handle, { subscriber, names });
    return handle;
  }

  /** Removes what `setEventCallback` added; a number that is not in use is ignored. */
  deleteEventCallback(handle: number): void {
    const callback = this.#callbacks.get(handle);
    if (callback === undefined) return;
    this.#callbacks.delete(handle);
    this.#unsubscribe(callback.subscriber, callback.names);
  }

  /**
   * An async iterator over the classes named, from now on; it ends when the handle is closed.
   *
   * When its queue overflows, `dropped` counts the loss, and a `warning` event tells once the reader has caught up.
   */
  readonly events: EventsMethod = (...args: unknown[]): EventIterator<GuestfsEvent> => {
    const { names, options } = parseSelection(args);
    const subscriber: Subscriber = Object.assign((event: GuestfsEvent) => queue.push(event), { active: true });
    const queue = new AsyncQueue(createEventStore(options), {
      signal: options.signal,
      onStop: () => {
        this.#iterators.delete(queue);
        this.#unsubscribe(subscriber, names);
      },
      onDropped: (count) =>
        this.dispatch(createEvent.warning(`${count} events were dropped: the reader of ${names.join(', ')} is slow`)),
    });
    if (this.#ended) queue.end();
    if (!queue.open) return queue;
    this.#iterators.add(queue);
    this.#subscribe(subscriber, names);
    return queue;
  };

  /** Whether an event of this class would reach anybody; producers skip the work where not. */
  wants(name: EventName): boolean {
    return this.#channels.listenerCount(name) > 0 || this.#fallback?.wants(name) === true;
  }

  /** Delivers an event to everybody who listens, or to the fallback; never throws. */
  dispatch(event: GuestfsEvent): void {
    if (this.#dispatching) {
      this.#postpone(event);
      return;
    }
    this.#dispatching = true;
    this.#deliver(event);
    if (this.#later.length > 0) this.#deliverLater();
    this.#dispatching = false;
    if (this.#ending) this.#end();
  }

  /** The handle is closed: iterators end once they are read to the end, and every listener is removed. Idempotent. */
  endEvents(): void {
    this.#ending = true;
    if (!this.#dispatching) this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    for (const queue of [...this.#iterators]) queue.end();
    this.#ended = true;
    this.#channels.removeAllListeners();
    this.#callbacks.clear();
  }

  #listen<Name extends EventName>(name: Name, listener: EventListener<Name>, once: boolean): this {
    checkName(name);
    checkCallback(listener);
    const subscriber = this.#guard((event) => {
      if (once) this.#unsubscribe(subscriber, [name]);
      return listener(event as GuestfsEvents[Name]);
    });
    subscriber.original = listener;
    const closed = this.#closed;
    if (this.#ended && name === 'close' && closed !== null) queueMicrotask(() => subscriber(closed));
    this.#subscribe(subscriber, [name]);
    return this;
  }

  #subscribe(subscriber: Subscriber, names: readonly EventName[]): void {
    if (this.#ended) return;
    for (const name of names) this.#channels.on(name, subscriber);
  }

  #unsubscribe(subscriber: Subscriber, names: readonly EventName[]): void {
    // The emitter still calls what was removed while it delivers.
    subscriber.active = false;
    for (const name of names) this.#channels.off(name, subscriber);
  }

  #guard(call: (event: GuestfsEvent) => unknown): Subscriber {
    const guarded = (event: GuestfsEvent): void => {
      if (!subscriber.active) return;
      try {
        const result = call(event);
        if (isThenable(result)) result.then(undefined, (error: unknown) => this.#reportFailure(error, event));
      } catch (error) {
        this.#reportFailure(error, event);
      }
    };
    const subscriber: Subscriber = Object.assign(guarded, { active: true });
    return subscriber;
  }

  #deliver(event: GuestfsEvent): void {
    if (event.type === 'close') this.#closed = event;
    if (!this.#channels.emit(event.type, event)) this.#writeFallback(event);
  }

  #deliverLater(): void {
    // It grows while it is gone through.
    for (const later of this.#later) this.#deliver(later);
    this.#later.length = 0;
  }

  #postpone(event: GuestfsEvent): void {
    if (this.#later.length < MAX_NESTED) {
      this.#later.push(event);
      if (this.#later.length === MAX_NESTED) {
        this.#writeFallback(createEvent.warning('listeners answer events with events without end: some are dropped'));
      }
    }
  }

  #reportFailure(error: unknown, event: GuestfsEvent): void {
    const warning = createEvent.warning(`a listener of ${event.type} events failed: ${reasonOf(error)}`, error);
    // A listener of warnings that fails on the report of a failure would go round for ever.
    if (this.#failureReports.has(event)) {
      this.#writeFallback(warning);
      return;
    }
    this.#failureReports.add(warning);
    this.dispatch(warning);
  }

  #writeFallback(event: GuestfsEvent): void {
    try {
      this.#fallback?.write(event);
    } catch {
      // Nowhere is left to tell it.
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
