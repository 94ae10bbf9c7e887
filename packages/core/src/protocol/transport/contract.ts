/** What a transport tells the one that uses it. No method is called before `start`, and none after `end`. */
export interface TransportReceiver {
  /**
   * Bytes from the daemon, in order, any number at a time. They are the receiver's, also to write into, only until it
   * returns: the transport may then read into the same memory again.
   */
  data(bytes: Buffer): void;
  /** The end, once: without a reason when the other side closed in order, else with what went wrong. */
  end(reason?: Error): void;
}

/**
 * Moves bytes to and from a daemon, and knows nothing of calls.
 *
 * The contract, which one compliance suite in `test/` runs against every transport:
 * - `start` is called once; bytes that came earlier are kept and delivered then, and an end too.
 * - `write` never throws. What is written after the end is dropped. `released` is called once when the bytes are done
 *   with, at the latest when the transport is gone, perhaps within `write`: only then may the caller change them, and by
 *   that it sees how fast the peer takes them.
 * - After `pause` returns, no `data` comes until `resume`; the peer is slowed down, memory stays bounded.
 * - `close` sends what is queued, then ends; it resolves when the transport is gone, also with a dead peer.
 * - `destroy` ends at once. Both may be called any number of times, in any order; `end` comes exactly once.
 * - It does not keep the process alive: whoever waits for something does.
 */
export interface Transport {
  /** For messages: `unix:/run/guestfsd.sock`, `appliance`. */
  readonly name: string;
  start(receiver: TransportReceiver): void;
  write(bytes: Uint8Array, released?: () => void): void;
  pause(): void;
  resume(): void;
  close(): Promise<void>;
  destroy(reason?: Error): void;
  /**
   * For a process that exits, where the event loop does not run any more: sends what is queued, waits for bytes up to a
   * deadline of `performance.now()`, and delivers them before it returns. False when none came.
   */
  exchangeSync?(deadline: number): boolean;
}
