import { createEvent, GuestfsEmitter, makeProgress } from '../src/index.js';
import type { EventName, GuestfsEvent } from '../src/index.js';

/** One event of each class, with a payload that is easily damaged. */
export function oneOfEach(): GuestfsEvent[] {
  return [
    createEvent.launchDone(1_000.5),
    createEvent.enter('copyDeviceToDevice', 1_001),
    createEvent.trace('mkfs "ext4" "/dev/sda1"', 1_002),
    createEvent.library('kernel\tä 🐧', 1_003),
    createEvent.appliance(Buffer.from([0, 1, 0xff, 0x0a, 0xc4, 0x80]), 1_004),
    createEvent.progress(progress(2n ** 53n + 1n, 2n ** 64n - 1n), 1_005.25),
    createEvent.progress(
      makeProgress({ operation: 'launch', proc: 0, serial: 0, position: 12n, total: 12n, phase: 'ready' }),
      1_006,
    ),
    createEvent.libvirtAuth('qemu+ssh://root@host/system', 1_007),
    createEvent.warning('a listener failed', Object.assign(new TypeError('no'), { code: 'ERR_NO' }), 1_008),
    createEvent.subprocessQuit({ reason: 'qemu exited with status 1', expected: false }, 1_009),
    createEvent.close(1_010),
  ];
}

export function progress(position: bigint, total = 100n, serial = 7): ReturnType<typeof makeProgress> {
  return makeProgress({ operation: 'zero', proc: 3, serial, position, total });
}

/** All that an event carries, as plain values that can be compared. */
export function plain(event: GuestfsEvent): Record<string, unknown> {
  const { bit, time, text, array } = event;
  const fields = Object.fromEntries(Object.entries(event)) as Record<string, unknown>;
  const cause = fields['cause'] as (Error & { code?: string }) | undefined;
  if (cause !== undefined) fields['cause'] = [cause.name, cause.message, cause.code];
  return { ...fields, bit, time, text, array: [...array], buffer: [...event.buffer] };
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** An emitter whose fallback keeps what nobody listened to. */
export function emitterWithFallback(): { emitter: GuestfsEmitter; unheard: GuestfsEvent[] } {
  const unheard: GuestfsEvent[] = [];
  const fallback = {
    wants: (name: EventName) => name === 'warning',
    write: (event: GuestfsEvent) => void unheard.push(event),
  };
  return { emitter: new GuestfsEmitter({ fallback }), unheard };
}

/** A turn of the event loop: promises are settled and streams have moved. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 5_000) throw new Error('it never came about');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** An abort signal that counts the listeners on it. */
export function countedSignal(): { controller: AbortController; signal: AbortSignal; count: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (count++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (count--, remove(...args));
  return { controller, signal, count: () => count };
}
