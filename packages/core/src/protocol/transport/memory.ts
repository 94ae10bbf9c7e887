import type { Transport, TransportReceiver } from './contract.js';

/** Two transports that are joined in memory: what is written to one comes out of the other, as from a socket. */
export function memoryTransports(name = 'memory'): [MemoryTransport, MemoryTransport] {
  const here = new MemoryTransport(name);
  const there = new MemoryTransport(`${name} (peer)`);
  here.join(there);
  there.join(here);
  return [here, there];
}

/** One end of {@link memoryTransports}. */
export class MemoryTransport implements Transport {
  readonly name: string;
  #peer: MemoryTransport | null = null;
  #receiver: TransportReceiver | null = null;
  #paused = false;
  #scheduled = false;
  #closing = false;
  #ended = false;
  #failure: Error | undefined;
  /** Bytes from the peer that were not delivered yet. */
  readonly #inbox: { readonly bytes: Buffer; released: (() => void) | undefined }[] = [];
  #peerEnded = false;
  #resolveGone!: () => void;
  readonly #gone = new Promise<void>((resolve) => (this.#resolveGone = resolve));

  constructor(name: string) {
    this.name = name;
  }

  join(peer: MemoryTransport): void {
    this.#peer = peer;
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    this.#schedule();
  }

  write(bytes: Uint8Array, released?: () => void): void {
    if (!this.#closing && !this.#ended && this.#peer !== null) this.#peer.#accept(bytes, released);
    else released?.();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  close(): Promise<void> {
    this.#closing = true;
    // What was written lies in the peer's inbox already.
    this.#finish();
    return this.#gone;
  }

  destroy(reason?: Error): void {
    this.#failure ??= reason;
    this.#closing = true;
    this.#drop();
    this.#finish();
  }

  exchangeSync(): boolean {
    const peer = this.#peer;
    const waits = (end: MemoryTransport): boolean => !end.#paused && end.#inbox.length > 0;
    if (this.#ended || peer === null || !(waits(this) || waits(peer))) return false;
    peer.#deliver();
    this.#deliver();
    return true;
  }

  #accept(bytes: Uint8Array, released: (() => void) | undefined): void {
    if (this.#ended || this.#closing) {
      released?.();
      return;
    }
    // A copy, as a socket makes one: the receiver may write into what it gets.
    this.#inbox.push({ bytes: Buffer.from(bytes), released });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#receiver === null || this.#ended) return;
    this.#scheduled = true;
    // Not a microtask: timers and sockets get their turn, as with real input.
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    // What a writer adds when it is told of a release waits for the next turn of the event loop.
    for (let left = this.#inbox.length; left > 0 && !this.#paused && !this.#closing; left--) {
      const next = this.#inbox.shift();
      if (next === undefined) break;
      const { bytes, released } = next;
      this.#receiver?.data(bytes);
      released?.();
    }
    if (this.#closing || (this.#peerEnded && this.#inbox.length === 0 && !this.#paused)) this.#end();
    else if (this.#inbox.length > 0 && !this.#paused) this.#schedule();
  }

  #finish(): void {
    this.#schedule();
    if (this.#receiver === null) {
      this.#drop();
      this.#resolveGone();
      this.#tellPeer();
    }
  }

  #drop(): void {
    this.#release();
    this.#inbox.length = 0;
  }

  /** Tells the writer of what was not delivered that it is done with; the bytes here are copies. */
  #release(): void {
    for (const entry of this.#inbox) {
      const { released } = entry;
      entry.released = undefined;
      released?.();
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#drop();
    this.#receiver?.end(this.#failure);
    this.#tellPeer();
    this.#resolveGone();
  }

  #tellPeer(): void {
    const peer = this.#peer;
    if (peer === null || peer.#peerEnded) return;
    peer.#release();
    peer.#peerEnded = true;
    peer.#schedule();
  }
}
