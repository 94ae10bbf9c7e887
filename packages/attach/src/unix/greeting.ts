import { randomInt } from 'node:crypto';
import { onAbort } from '@guestfs/events/internal';
import { GuestfsError, type Transport, type TransportReceiver } from '@guestfs/core';
import { cancelWord, DIRECTION_REPLY, LAUNCH_FLAG, pingFrame } from '@guestfs/core/protocol';
import { PatternSearch } from './pattern-search.js';

export interface GreetingOptions {
  /** Milliseconds until the daemon must have shown itself. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly log?: (line: string) => void;
  /** Milliseconds to wait for the launch flag before the daemon is asked; default 300. */
  readonly patience?: number;
  /** Milliseconds until it is asked once more; default 1000. */
  readonly interval?: number;
}

/** More than a daemon can still have to say to an earlier client: a message, and what is left of a file in the buffers. */
const BABBLE_LIMIT = 32 * 1024 * 1024;

/**
 * Waits until the daemon behind a transport is known to listen, and returns a transport that starts in step with it.
 *
 * A daemon says once that it is up. One that said so to an earlier client says nothing now, or goes on with what it had
 * to tell that client; so it is asked with a ping that has a serial of its own, and all before the answer is dropped.
 * Rejects with `ERR_GUESTFS_ATTACH`, or the signal's reason; the transport is then destroyed.
 */
export function greet(transport: Transport, options: GreetingOptions): Promise<Transport> {
  return new Promise((resolve, reject) => new Greeting(transport, options, resolve, reject).begin());
}

class Greeting implements Transport, TransportReceiver {
  readonly #inner: Transport;
  readonly #options: GreetingOptions;
  readonly #resolve: (transport: Transport) => void;
  readonly #reject: (error: unknown) => void;
  readonly #cleanups: (() => void)[] = [];
  #first = Buffer.alloc(0);
  #answer: PatternSearch | null = null;
  #heard = 0;
  #state: 'greeting' | 'greeted' | 'started' | 'failed' = 'greeting';
  /** Who uses the greeted transport, and what came before it started. */
  #receiver: TransportReceiver | null = null;
  #rest: Buffer | null = null;
  #ended = false;
  #endReason: Error | undefined;
  #paused = false;

  constructor(
    inner: Transport,
    options: GreetingOptions,
    resolve: (transport: Transport) => void,
    reject: (error: unknown) => void,
  ) {
    this.#inner = inner;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get name(): string {
    return this.#inner.name;
  }

  begin(): void {
    const { timeout, signal, patience = 300, interval = 1000 } = this.#options;
    if (signal.aborted) return this.#fail(signal.reason);
    const withdraw = onAbort(signal, () => this.#fail(signal.reason));
    const late = setTimeout(() => this.#fail(this.#silence()), timeout);
    let again: NodeJS.Timeout | undefined;
    const ask = (): void => {
      this.#ask();
      again = setTimeout(ask, interval);
    };
    again = setTimeout(ask, patience);
    this.#cleanups.push(() => {
      clearTimeout(late);
      clearTimeout(again);
      withdraw();
    });
    this.#inner.start(this);
  }

  // What the inner transport tells.

  data(bytes: Buffer): void {
    if (this.#state === 'started') return this.#receiver?.data(bytes);
    if (this.#state === 'greeting') return this.#listen(bytes);
    this.#rest = Buffer.concat(this.#rest === null ? [bytes] : [this.#rest, bytes]);
  }

  end(reason?: Error): void {
    this.#ended = true;
    this.#endReason = reason;
    if (this.#state === 'greeting') this.#fail(this.#hangUp(reason));
    else this.#deliverEnd();
  }

  // The transport that the caller gets.

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    setImmediate(() => {
      this.#state = 'started';
      if (!this.#paused) this.resume();
    });
  }

  write(bytes: Uint8Array, released?: () => void): void {
    this.#inner.write(bytes, released);
  }

  pause(): void {
    this.#paused = true;
    this.#inner.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#state !== 'started') return;
    const rest = this.#rest;
    this.#rest = null;
    if (rest !== null && !this.#ended) this.#receiver?.data(rest);
    this.#deliverEnd();
    if (!this.#paused) this.#inner.resume();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  destroy(reason?: Error): void {
    this.#inner.destroy(reason);
  }

  exchangeSync(deadline: number): boolean {
    this.#state = 'started';
    if (this.#rest !== null) {
      this.resume();
      return true;
    }
    return this.#inner.exchangeSync?.(deadline) === true;
  }

  #deliverEnd(): void {
    if (!this.#ended || this.#state !== 'started') return;
    const receiver = this.#receiver;
    this.#receiver = null;
    receiver?.end(this.#endReason);
  }

  // The greeting itself.

  #listen(bytes: Buffer): void {
    this.#heard += bytes.length;
    if (this.#answer !== null) {
      const rest = this.#answer.push(bytes);
      if (rest !== null) return this.#succeed(rest, 'answered a ping');
      if (this.#heard > BABBLE_LIMIT) this.#fail(this.#babble());
      return;
    }
    this.#first = Buffer.concat([this.#first, bytes]);
    if (this.#first.length < 4) return;
    if (this.#first.readUInt32BE() === LAUNCH_FLAG) return this.#succeed(this.#first.subarray(4), 'said that it is up');
    // Whatever this is, it was meant for somebody else: what counts from now on is the answer to a ping.
    this.#ask();
  }

  /** Only the answer to the newest ping counts: those to the earlier ones come before it. */
  #ask(): void {
    const serial = randomInt(0x10000000, 0xffffffff);
    this.#options.log?.(`${this.name}: no launch flag, pinging the daemon`);
    this.#answer = new PatternSearch(pingFrame(serial, DIRECTION_REPLY));
    // A daemon that still sends a file to an earlier client would take any other word for damage.
    this.#inner.write(Buffer.concat([cancelWord(), pingFrame(serial)]));
  }

  #succeed(rest: Buffer, how: string): void {
    this.#state = 'greeted';
    this.#release();
    this.#inner.pause();
    if (rest.length > 0) this.#rest = Buffer.from(rest);
    this.#options.log?.(`${this.name}: the daemon ${how}`);
    this.#resolve(this);
  }

  #fail(error: unknown): void {
    if (this.#state !== 'greeting') return;
    this.#state = 'failed';
    this.#release();
    this.#inner.destroy();
    this.#reject(error);
  }

  #release(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }

  #silence(): GuestfsError {
    const seconds = Math.round(this.#options.timeout / 10) / 100;
    if (this.#heard > 0)
      return new GuestfsError(
        'ERR_GUESTFS_ATTACH',
        `the peer at ${this.name} sent ${this.#heard} bytes, but no answer of a daemon within ${seconds} s`,
        { hint: WRONG_PEER },
      );
    return new GuestfsError('ERR_GUESTFS_ATTACH', `the daemon at ${this.name} said nothing within ${seconds} s`, {
      hint: 'a daemon serves one client at a time: close the other one; inside a guest, see that guestfsd runs; allow more time with the backend setting attach_timeout=SECONDS',
    });
  }

  #babble(): GuestfsError {
    return new GuestfsError(
      'ERR_GUESTFS_ATTACH',
      `the peer at ${this.name} sent ${this.#heard} bytes, but no answer of a daemon`,
      { hint: WRONG_PEER },
    );
  }

  #hangUp(cause: Error | undefined): GuestfsError {
    return new GuestfsError(
      'ERR_GUESTFS_ATTACH',
      `the daemon at ${this.name} closed the connection before it was ready`,
      {
        hint: 'see the log of the daemon; one that serves another client may turn this one away',
        cause,
      },
    );
  }
}

const WRONG_PEER = 'check that the path is the socket of a guestfsd, and not of another service (a console, QMP)';
