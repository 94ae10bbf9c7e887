import { reasonOf, GuestfsError } from '../errors.js';
import type { GuestfsEvent } from '../events.js';
import { BoundedStore } from '../iterators/overflow.js';
import { AsyncQueue } from '../iterators/queue.js';
import type { EventIterator } from '../iterators/queue.js';
import { encodeFrame, FrameReader } from '../recording/frames.js';
import { openLink } from './link.js';
import type { EventPort, Link, LinkHandlers } from './link.js';
import { pullLink } from './pull.js';
import type { ByteSource } from './pull.js';

export interface ReceiveOptions {
  /** Ends the iterator; the next read rejects with `ERR_GUESTFS_CANCELLED`. */
  signal?: AbortSignal | undefined;
}

/** Unread events from which on no more are asked for, and below which more are. */
const HIGH_WATER = 512;
const LOW_WATER = 64;
/** Never reached unless the sender ignores what it is told. */
const CAPACITY = 65_536;

/**
 * The events that `forwardEvents` sends over the other side of a channel, as `events()` of the handle gives them.
 *
 * It takes from the channel as fast as it is read; what the sender dropped meanwhile is counted in `dropped`. Leaving
 * the loop tells the sender to stop where the channel carries messages, pauses a Node.js stream and cancels a
 * `ReadableStream` or iterable; a channel stays open. It throws
 * `ERR_GUESTFS_CONNECTION_LOST` when the channel goes before the sender ended it, `ERR_GUESTFS_PROTOCOL` when what comes
 * is no event. Runs in a browser as well as in Node.js.
 */
export function receiveEvents(port: EventPort | ByteSource, options: ReceiveOptions = {}): EventIterator<GuestfsEvent> {
  return new EventReceiver(port, options);
}

class EventReceiver extends AsyncQueue<GuestfsEvent> {
  readonly #reader = new FrameReader('ERR_GUESTFS_PROTOCOL');
  readonly #link: Link;
  #droppedBySender = 0;
  #unacknowledged = 0;
  #paused = false;
  #peerOver = false;

  constructor(source: EventPort | ByteSource, options: ReceiveOptions) {
    super(new BoundedStore({ capacity: CAPACITY }), {
      signal: options.signal,
      onStop: () => this.#close(),
      onTaken: () => this.#askForMore(),
    });
    const handlers: LinkHandlers = {
      onBytes: (bytes) => this.#take(bytes),
      onGone: (cause) => this.#lose(cause),
      onReady: () => undefined,
    };
    this.#link = isByteSource(source) ? pullLink(source, handlers) : openLink(source, 'receive', handlers);
    if (!this.open) this.#close();
  }

  override get dropped(): number {
    return super.dropped + this.#droppedBySender;
  }

  #take(bytes: Uint8Array): void {
    this.#unacknowledged++;
    try {
      this.#reader.push(bytes);
      for (let record = this.#reader.next(); record !== undefined; record = this.#reader.next()) {
        if (record.kind === 'event') this.push(record.event);
        else if (record.kind === 'dropped') this.#droppedBySender += record.count;
        else if (record.kind === 'end') this.#endOfSender();
      }
    } catch (error) {
      this.fail(error);
    }
    if (this.size > HIGH_WATER) this.#pause(true);
    this.#askForMore();
  }

  #askForMore(): void {
    if (this.size > LOW_WATER || !this.open) return;
    this.#pause(false);
    if (this.#unacknowledged === 0) return;
    const count = this.#unacknowledged;
    this.#unacknowledged = 0;
    this.#tell(encodeFrame({ kind: 'ack', count }));
  }

  #pause(paused: boolean): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.#link.pause(paused);
  }

  #endOfSender(): void {
    this.#peerOver = true;
    this.end();
  }

  #lose(cause: unknown): void {
    this.#peerOver = true;
    const why = cause === undefined ? '' : `: ${reasonOf(cause)}`;
    this.fail(
      new GuestfsError('ERR_GUESTFS_CONNECTION_LOST', `the channel closed before the events ended${why}`, { cause }),
    );
  }

  #close(): void {
    if (!this.#peerOver) this.#tell(encodeFrame({ kind: 'end' }));
    this.#link.close();
  }

  #tell(bytes: Uint8Array): void {
    if (!this.#link.twoWay || !this.#link.ready) return;
    try {
      this.#link.send(bytes);
    } catch {
      // The channel is closed; its own event says so.
    }
  }
}

/** Streams of Node.js are iterable too, but iterating would destroy them in the end. */
function isByteSource(source: EventPort | ByteSource): source is ByteSource {
  if ('on' in source) return false;
  return Symbol.asyncIterator in source || 'getReader' in source;
}
