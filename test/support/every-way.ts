import { GUESTFS_EVENT } from 'guestfs';
import type { EventName, Guestfs, GuestfsEvent } from 'guestfs';

/** The classes of events, as the channels are named. */
export const CLASSES = [
  'close',
  'subprocessQuit',
  'launchDone',
  'progress',
  'appliance',
  'library',
  'trace',
  'enter',
  'libvirtAuth',
  'warning',
] as const satisfies readonly EventName[];

/** What came by each of the three ways of listening. */
export interface EveryWay {
  readonly byMask: GuestfsEvent[];
  readonly byChannel: GuestfsEvent[];
  readonly byIterator: GuestfsEvent[];
  /** Resolves when the iterator has ended, as it does when the handle is closed. */
  readonly ended: Promise<void>;
  /** The events of a class, which all three ways gave alike. Throws where they differ. */
  of<Name extends EventName>(name: Name): Extract<GuestfsEvent, { type: Name }>[];
}

/** Listens to all classes of a handle by a mask, by channels and by an iterator that drops nothing. */
export function listenEveryWay(g: Guestfs): EveryWay {
  const byMask: GuestfsEvent[] = [];
  const byChannel: GuestfsEvent[] = [];
  const byIterator: GuestfsEvent[] = [];
  g.setEventCallback((event) => byMask.push(event), GUESTFS_EVENT.ALL);
  for (const name of CLASSES) g.on(name, (event) => byChannel.push(event));
  const iterator = g.events({ capacity: Infinity, overflow: 'drop-oldest' });
  const ended = (async () => {
    for await (const event of iterator) byIterator.push(event);
  })();
  return {
    byMask,
    byChannel,
    byIterator,
    ended,
    of(name) {
      const [mask, channel, iterated] = [byMask, byChannel, byIterator].map((way) =>
        way.filter(({ type }) => type === name),
      );
      const same = [channel, iterated].every(
        (way) => mask?.length === way?.length && way?.every((e, i) => e === mask?.[i]),
      );
      if (!same)
        throw new Error(`the three ways differ: ${mask?.length}, ${channel?.length}, ${iterated?.length} ${name}`);
      return mask as never;
    },
  };
}

/** All that an event carries, as plain values that can be compared. */
export function plainEvent(event: GuestfsEvent): Record<string, unknown> {
  const fields = Object.fromEntries(Object.entries(event)) as Record<string, unknown>;
  const cause = fields['cause'] as Error | undefined;
  if (cause !== undefined) fields['cause'] = [cause.name, cause.message];
  return { ...fields, text: event.text, array: [...event.array], buffer: [...event.buffer] };
}

/** A turn of the event loop, in which iterators read what is queued for them. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
