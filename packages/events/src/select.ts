import { GuestfsError } from './errors.js';
import { EVENT_BITS, EVENT_NAMES, GUESTFS_EVENT } from './events.js';
import type { EventName } from './events.js';

/** Throws unless it is a set of known bits that is not empty. */
export function checkMask(mask: unknown): asserts mask is number {
  const known = typeof mask === 'number' && Number.isInteger(mask) && mask >= 0 && mask <= GUESTFS_EVENT.ALL;
  if (known && mask !== 0) return;
  const what = mask === 0 ? 'the event mask is empty' : `${show(mask)} is no event mask`;
  throw new GuestfsError('ERR_GUESTFS_ARGUMENT', what, { hint: 'combine members of GUESTFS_EVENT with |' });
}

/** Throws unless it is the name of a class of events. */
export function checkName(name: unknown): asserts name is EventName {
  if (typeof name === 'string' && Object.hasOwn(EVENT_BITS, name)) return;
  throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `there are no ${show(name)} events`, {
    hint: `use one of ${EVENT_NAMES.join(', ')}`,
  });
}

/** Throws unless it can be called. */
export function checkCallback(callback: unknown): void {
  if (typeof callback === 'function') return;
  throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `${show(callback)} is not a function to call with events`);
}

/** The names of the classes in a mask, in the order of their bits. */
export function namesOf(mask: number): EventName[] {
  return EVENT_NAMES.filter((name) => (EVENT_BITS[name] & mask) !== 0);
}

/**
 * A mask as text: names in lower case, words joined by `_`, names joined by `,` (`close,subprocess_quit`); empty for 0.
 *
 * Throws `ERR_GUESTFS_ARGUMENT` where the mask has bits that mean nothing.
 */
export function eventToString(mask: number): string {
  if (mask === 0) return '';
  checkMask(mask);
  return namesOf(mask)
    .map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
    .join(',');
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'number' || value === undefined || value === null ? `${value}` : `a ${typeof value}`;
}
