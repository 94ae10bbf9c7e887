import { concatBytes } from '../bytes.js';
import type { GuestfsEventSource } from '../emitter.js';
import { GuestfsError } from '../errors.js';
import { GUESTFS_EVENT } from '../events.js';
import { createEventStore } from '../iterators/iterate.js';
import type { EventsOptions } from '../iterators/iterate.js';
import { encodeFrame, encodeHeader, FrameReader } from '../recording/frames.js';
import { openLink } from './link.js';
import type { EventPort } from './link.js';
import { onAbort } from '../on-abort.js';

export interface ForwardOptions extends EventsOptions {
  /** The classes to send. Default all. */
  mask?: number | undefined;
}

/** Events on their way to another process; see {@link forwardEvents}. */
export interface Forwarding extends AsyncDisposable {
  /** Events sent so far. */
  readonly sent: number;
  /** Events lost so far because the other side was too slow; it is told. */
  readonly dropped: number;
  /** Resolves when the last event has gone out, or the other side is gone or wants no more. Never rejects. */
  readonly finished: Promise<void>;
  /** Listens no more, sends what is queued, and resolves as `finished` does. Idempotent. */
  stop(): Promise<void>;
}

/** Messages that may be on their way before the receiver says that it took some. */
const WINDOW = 8;
const BATCH_EVENTS = 64;
const BATCH_BYTES = 64 * 1024;

/**
 * Sends a handle's events over a channel to `receiveEvents` on its other side.
 *
 * The queue is bounded and treats what does not fit as `events()` does; a receiver that reads slowly, or not at all,
 * costs no more memory than that. It ends with the close event, by `stop()`, and at once when the signal aborts.
 */
export function forwardEvents(source: GuestfsEventSource, port: EventPort, options: ForwardOptions = {}): Forwarding {
  return new EventForwarder(source, port, options);
}

class EventForwarder implements Forwarding {
  sent = 0;
  readonly finished: Promise<void>;
  /** Weak, for the source refers to this: it may be garbage although it is forwarded. */
  readonly #source: WeakRef<GuestfsEventSource>;
  readonly #store;
  readonly #link;
  readonly #acks = new FrameReader('ERR_GUESTFS_PROTOCOL', false);
  readonly #handle: number;
  #resolveFinished: () => void = () => undefined;
  #reportedDropped = 0;
  #inFlight = 0;
  #scheduled = false;
  #greeted = false;
  #stopping = false;
  #over = false;
  #withdraw: (() => void) | undefined;

  constructor(source: GuestfsEventSource, port: EventPort, options: ForwardOptions) {
    const { mask = GUESTFS_EVENT.ALL, signal } = options;
    this.#source = new WeakRef(source);
    this.finished = new Promise((resolve) => (this.#resolveFinished = resolve));
    this.#store = createEventStore(options);
    this.#handle = source.setEventCallback((event) => {
      this.#store.push(event);
      if (event.type === 'close') void this.stop();
      this.#schedule();
    }, mask);
    try {
      this.#link = openLink(port, 'send', {
        onBytes: (bytes) => this.#takeAcks(bytes),
        onGone: () => this.#finish(),
        onReady: () => this.#pump(),
      });
    } catch (error) {
      source.deleteEventCallback(this.#handle);
      throw error;
    }
    if (signal !== undefined) this.#withdraw = onAbort(signal, this.#abort);
    if (signal?.aborted !== true) this.#schedule();
  }

  get dropped(): number {
    return this.#store.dropped;
  }

  stop(): Promise<void> {
    this.#source.deref()?.deleteEventCallback(this.#handle);
    this.#stopping = true;
    this.#schedule();
    return this.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  readonly #abort = (): void => {
    this.#store.clear();
    this.#stopping = true;
    this.#sendEnd();
  };

  /** Events of one turn go out together, and newer progress replaces older before it is sent. */
  #schedule(): void {
    if (this.#scheduled || this.#over) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.#over && this.#canSend()) {
      if (this.#store.size > 0 || !this.#greeted) this.#send(this.#nextBatch());
      else break;
    }
    if (this.#stopping && this.#store.size === 0 && this.#canSend()) this.#sendEnd();
  }

  #canSend(): boolean {
    return this.#link.ready && (!this.#link.twoWay || this.#inFlight < WINDOW);
  }

  #nextBatch(): Uint8Array {
    const frames = this.#greeted ? [] : [encodeHeader()];
    this.#greeted = true;
    const missing = this.#store.dropped - this.#reportedDropped;
    this.#reportedDropped = this.#store.dropped;
    if (missing > 0) frames.push(encodeFrame({ kind: 'dropped', count: missing }));
    for (let events = 0, bytes = 0; events < BATCH_EVENTS && bytes < BATCH_BYTES; events++) {
      const event = this.#store.shift();
      if (event === undefined) break;
      const frame = encodeFrame({ kind: 'event', event });
      frames.push(frame);
      bytes += frame.byteLength;
      this.sent++;
    }
    return concatBytes(frames);
  }

  #send(bytes: Uint8Array): void {
    this.#inFlight++;
    try {
      this.#link.send(bytes);
    } catch {
      this.#finish();
    }
  }

  #sendEnd(): void {
    if (this.#over) return;
    const greeting = this.#greeted ? [] : [encodeHeader()];
    if (this.#link.ready || this.#greeted) this.#send(concatBytes([...greeting, encodeFrame({ kind: 'end' })]));
    this.#finish();
  }

  #takeAcks(bytes: Uint8Array): void {
    try {
      this.#acks.push(bytes);
      for (let record = this.#acks.next(); record !== undefined; record = this.#acks.next()) {
        if (record.kind === 'ack') this.#inFlight = Math.max(0, this.#inFlight - record.count);
        if (record.kind === 'end') this.#finish();
      }
    } catch (error) {
      if (!(error instanceof GuestfsError)) throw error;
      this.#finish();
    }
    this.#pump();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#source.deref()?.deleteEventCallback(this.#handle);
    this.#withdraw?.();
    this.#store.clear();
    this.#link.close();
    this.#resolveFinished();
  }
}
