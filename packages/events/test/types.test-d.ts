/* Compiled, not run: see types.test.ts. Each `@ts-expect-error` is an error of its own where the line compiles. */
import { MessageChannel } from 'node:worker_threads';
import type { Socket } from 'node:net';
import { createEvent, forwardEvents, GUESTFS_EVENT, readEvents, receiveEvents } from '../src/index.js';
import type {
  EventIterator,
  GuestfsEvent,
  Progress,
  ProgressEvent,
  TraceEvent,
  WarningEvent,
  GuestfsEmitter,
} from '../src/index.js';

declare const emitter: GuestfsEmitter;
declare function same<T>(): <U>(value: U) => [T] extends [U] ? ([U] extends [T] ? true : never) : never;

// A listener's argument is inferred from the name.
emitter.on('progress', (e) => {
  const position: bigint = e.position;
  const fraction: number | null = e.fraction;
  const phase: string | undefined = e.phase;
  const progress: Progress = e;
  return [position, fraction, phase, progress];
});
emitter.once('subprocessQuit', (e) => [e.reason.length, e.expected === true]);
emitter.off('enter', (e) => e.operation.length);
emitter.on('libvirtAuth', async (e) => e.uri.length);
emitter.on('warning', ({ cause }) => cause);
emitter.on('appliance', ({ buffer }) => buffer.byteLength);

// @ts-expect-error no such class
emitter.on('progres', () => 0);
// @ts-expect-error the upstream spelling is not a name here
emitter.on('launch_done', () => 0);
// @ts-expect-error an error is never an event
emitter.once('error', () => 0);
// @ts-expect-error a trace event has no position
emitter.on('trace', (e) => e.position);
// @ts-expect-error a close event has no reason
emitter.on('close', (e) => e.reason);
// @ts-expect-error the listener is for another payload
emitter.on('trace', (e: ProgressEvent) => e);
// @ts-expect-error position is a bigint
emitter.on('progress', (e): number => e.position);
// @ts-expect-error fraction may be null
emitter.on('progress', (e) => e.fraction.toFixed());
emitter.on('progress', (e) => {
  // @ts-expect-error events are read-only
  e.position = 1n;
});
// @ts-expect-error the name is missing
emitter.on(() => 0);
// @ts-expect-error no such class
emitter.listenerCount('all');

// Iterators have the union of what was asked for.
const two: true = same<EventIterator<TraceEvent | WarningEvent>>()(emitter.events('trace', 'warning'));
const one: true = same<EventIterator<ProgressEvent>>()(emitter.events('progress', { capacity: 1, overflow: 'latest' }));
const all: true = same<EventIterator<GuestfsEvent>>()(emitter.events(GUESTFS_EVENT.ALL, {}));
const any: true = same<EventIterator<GuestfsEvent>>()(emitter.events());
for await (const e of emitter.events('progress', 'enter')) {
  if (e.type === 'enter') void e.operation.length;
  else void (e.position / e.total);
  // @ts-expect-error not asked for
  if (e.type === 'close') break;
}
// @ts-expect-error no such class
emitter.events('trace', 'nothing');
// @ts-expect-error no such option
emitter.events('trace', { size: 1 });
// @ts-expect-error no such policy
emitter.events('trace', { overflow: 'block' });
// @ts-expect-error options come last
emitter.events({ capacity: 1 }, 'trace');

// A union is told apart by its type.
emitter.setEventCallback((e, handle) => {
  if (e.type === 'subprocessQuit') return e.expected;
  // @ts-expect-error not every event has it
  return [handle + 1, e.reason];
}, GUESTFS_EVENT.CLOSE | GUESTFS_EVENT.SUBPROCESS_QUIT);
// @ts-expect-error a mask is a number
emitter.setEventCallback(() => 0, 'trace');
// @ts-expect-error it is deleted by its number
emitter.deleteEventCallback(() => 0);
// @ts-expect-error no such bit
void GUESTFS_EVENT.ERROR;
// @ts-expect-error a dispatched event is whole
emitter.dispatch({ type: 'close' });
emitter.dispatch(createEvent.subprocessQuit({ reason: 'x', expected: true }));
// @ts-expect-error expected is missing
createEvent.subprocessQuit({ reason: 'x' });

// Recorded and received events are typed like live ones.
for await (const e of readEvents('events.bin')) if (e.type === 'progress') void e.serial.toFixed();
declare const socket: Socket;
const { port1 } = new MessageChannel();
forwardEvents(emitter, port1, { mask: GUESTFS_EVENT.PROGRESS });
forwardEvents(emitter, process);
for await (const e of receiveEvents(socket)) if (e.type === 'warning') void e.cause;
// @ts-expect-error not a channel
forwardEvents(emitter, 7);

export { all, any, one, two };
