import { GuestfsError } from '../errors.js';
import { EVENT_NAMES } from '../events.js';
import type { EventName, GuestfsEvent, GuestfsEvents } from '../events.js';
import { BoundedStore } from './overflow.js';
import type { EventIterator } from './queue.js';
import { checkMask, checkName, namesOf } from '../select.js';

/** How many unread events an iterator keeps unless told otherwise. */
export const DEFAULT_CAPACITY = 1024;

export interface EventsOptions {
  /** Ends the iterator; the next read rejects with `ERR_GUESTFS_CANCELLED`. */
  signal?: AbortSignal | undefined;
  /** How many unread events are kept: a whole number from 1 on, or Infinity. Default 1024. */
  capacity?: number | undefined;
  /**
   * What happens to events that nobody has read yet.
   *
   * Left out: of the progress of one call only the newest is kept, and other events, where there is no more room, drop
   * the oldest. `latest` keeps the newest of each class (and of each call). `drop-oldest` and `drop-newest` keep all
   * until there is no more room. The last progress message of a call is only ever dropped for other such messages.
   */
  overflow?: 'latest' | 'drop-oldest' | 'drop-newest' | undefined;
}

/** `events()`: any number of names, or a mask, or nothing for all classes; then the options. */
export interface EventsMethod {
  (options?: EventsOptions): EventIterator<GuestfsEvent>;
  (mask: number, options?: EventsOptions): EventIterator<GuestfsEvent>;
  <Name extends EventName>(...names: [Name, ...Name[]]): EventIterator<GuestfsEvents[Name]>;
  <Name extends EventName>(...namesAndOptions: [Name, ...Name[], EventsOptions]): EventIterator<GuestfsEvents[Name]>;
}

/** The arguments of {@link EventsMethod}, sorted and checked. */
export function parseSelection(args: readonly unknown[]): { names: EventName[]; options: EventsOptions } {
  const selection = [...args];
  const tail = selection.at(-1);
  const hasOptions = selection.length > 0 && (tail === undefined || (typeof tail === 'object' && tail !== null));
  const options = (hasOptions ? selection.pop() : undefined) ?? {};
  return { names: namesFrom(selection), options };
}

function namesFrom(selection: unknown[]): EventName[] {
  if (selection.length === 0) return [...EVENT_NAMES];
  if (selection.length === 1 && typeof selection[0] === 'number') {
    checkMask(selection[0]);
    return namesOf(selection[0]);
  }
  const names = new Set<EventName>();
  for (const name of selection) {
    checkName(name);
    names.add(name);
  }
  return [...names];
}

/** The queue that {@link EventsOptions} describe. */
export function createEventStore(options: EventsOptions): BoundedStore<GuestfsEvent> {
  const { capacity = DEFAULT_CAPACITY, overflow } = options;
  switch (overflow) {
    case undefined:
      return new BoundedStore({ capacity, isLast, keyOf: (event) => (isProgress(event) ? event.serial : undefined) });
    case 'latest':
      return new BoundedStore({ capacity, isLast, keyOf: (event) => (isProgress(event) ? event.serial : event.type) });
    case 'drop-oldest':
    case 'drop-newest':
      return new BoundedStore({ capacity, isLast, overflow });
    default:
      throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `${String(overflow)} is no way to deal with overflow`, {
        hint: 'use latest, drop-oldest or drop-newest, or leave it out',
      });
  }
}

function isProgress(event: GuestfsEvent): event is GuestfsEvents['progress'] {
  return event.type === 'progress';
}

function isLast(event: GuestfsEvent): boolean {
  return event.type === 'progress' && event.done;
}
