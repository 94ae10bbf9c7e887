import type { Socket } from 'node:net';
import { GuestfsError } from '../errors.js';
import { BlockingSocket } from './blocking-socket.js';
import type { Transport, TransportReceiver } from './contract.js';
import type { Inbox } from './inbox.js';

/** How long `close` waits for a peer that takes nothing more, in milliseconds. */
const CLOSE_GRACE = 2_000;

/**
 * A transport over a connected stream socket: qemu's end of the appliance's port, or a daemon's Unix socket.
 *
 * It takes the socket over: nobody else may read, write or end it.
 */
export class SocketTransport implements Transport {
  readonly name: string;
  readonly #socket: Socket;
  readonly #inbox: Inbox | null;
  readonly #gone: Promise<void>;
  #receiver: TransportReceiver | null = null;
  #ended = false;
  #closing = false;
  #paused = false;
  #failure: Error | undefined;
  /** The last buffers written, among them all that were not sent yet, and their length. */
  #written: Uint8Array[] = [];
  #writtenLength = 0;
  #blocking: BlockingSocket | null = null;

  /** With an `inbox` the socket was made to read into that. */
  constructor(socket: Socket, name: string, inbox: Inbox | null = null) {
    this.#socket = socket;
    this.#inbox = inbox;
    this.name = name;
    socket.unref();
    // From now on, or an error that comes before `start` would end the process.
    socket.on('error', (error) => (this.#failure ??= error));
    this.#gone = new Promise((resolve) => {
      socket.once('close', () => {
        if (this.#receiver !== null) this.#end();
        resolve();
      });
      if (socket.closed) resolve();
    });
  }

  start(receiver: TransportReceiver): void {
    if (this.#receiver !== null) {
      throw new GuestfsError('ERR_GUESTFS_STATE', `transport ${this.name} was started twice`);
    }
    this.#receiver = receiver;
    const socket = this.#socket;
    if (socket.closed) {
      queueMicrotask(() => this.#end());
      return;
    }
    if (this.#inbox === null) {
      socket.on('data', (bytes) => {
        if (!this.#ended && !this.#closing) receiver.data(bytes);
      });
    } else {
      queueMicrotask(() => this.#flow());
    }
    socket.on('drain', () => (this.#written.length = this.#writtenLength = 0));
  }

  write(bytes: Uint8Array, released?: () => void): void {
    if (this.#ended || this.#closing || !this.#socket.writable) {
      released?.();
      return;
    }
    if (this.#blocking !== null) {
      this.#blocking.write(bytes);
      released?.();
      return;
    }
    // Also called, with an error, for what was not sent.
    this.#socket.write(bytes, released && (() => released()));
    if (this.#socket.writableLength > 0 || this.#writtenLength > 0) this.#rememberWritten(bytes);
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#ended || this.#receiver === null) return;
    if (this.#inbox === null) this.#socket.resume();
    else queueMicrotask(() => this.#flow());
  }

  close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      const socket = this.#socket;
      if (!socket.writable) socket.destroy();
      else if (!socket.closed) {
        const timer = setTimeout(() => socket.destroy(), CLOSE_GRACE);
        socket.once('close', () => clearTimeout(timer));
        // Only the peer's end shows that it has read all: qemu drops what is left where both directions are closed.
        socket.end();
        this.#readOn();
      }
    }
    return this.#gone;
  }

  destroy(reason?: Error): void {
    this.#failure ??= reason;
    this.#closing = true;
    this.#socket.destroy();
  }

  exchangeSync(deadline: number): boolean {
    if (this.#ended || this.#closing) return false;
    this.#blocking ??= BlockingSocket.takeOver(this.#socket, this.#written);
    // What Node has read and a pause kept back comes as `data`.
    if (this.#socket.readableLength > 0) return this.#socket.read() !== null;
    const bytes = this.#blocking?.read(deadline) ?? null;
    if (bytes === null) return false;
    this.#receiver?.data(bytes);
    return true;
  }

  #rememberWritten(bytes: Uint8Array): void {
    this.#written.push(bytes);
    this.#writtenLength += bytes.length;
    const unsent = this.#socket.writableLength;
    for (let [first] = this.#written; first !== undefined; [first] = this.#written) {
      if (this.#writtenLength - first.length < unsent) return;
      this.#written.shift();
      this.#writtenLength -= first.length;
    }
  }

  /** Reads what the peer still says, which is of no interest, up to its end. */
  #readOn(): void {
    this.#inbox?.open(() => undefined);
    this.#socket.resume();
  }

  /** Lets the inbox deliver. What came before the start may make the receiver pause. */
  #flow(): void {
    if (this.#paused || this.#ended || this.#closing) return;
    this.#inbox?.open((bytes) => {
      if (!this.#ended) this.#receiver?.data(bytes);
    });
    if (!this.#paused) this.#socket.resume();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#receiver?.end(this.#failure);
  }
}
