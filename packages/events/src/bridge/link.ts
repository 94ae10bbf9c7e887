import { fromBase64, toBase64 } from '../bytes.js';
import { GuestfsError } from '../errors.js';

/** A `MessagePort` or `Worker`, of a browser or of `node:worker_threads`. */
export interface MessagePortLike {
  postMessage(message: unknown): void;
}

/** A child process with an IPC channel, or `process` inside of one. */
export interface IpcLike {
  readonly connected: boolean;
  send?: unknown;
}

/** A `WebSocket`, of a browser, of Node.js or of the `ws` package. */
export interface WebSocketLike {
  readonly bufferedAmount: number;
  binaryType: string;
  send(data: Uint8Array<ArrayBuffer>): void;
}

/** A byte stream of Node.js: a socket, a pipe, a response. */
export interface ByteStreamLike {
  on(event: string, listener: (...args: never[]) => void): unknown;
}

/** A channel that events go over. */
export type EventPort = MessagePortLike | IpcLike | WebSocketLike | ByteStreamLike;

export interface LinkHandlers {
  onBytes(bytes: Uint8Array): void;
  /** The other side, or the channel, is gone. Called once at most, and not after `close`. */
  onGone(cause?: unknown): void;
  /** It takes bytes, again or for the first time. */
  onReady(): void;
}

/** One side of a channel. */
export interface Link {
  /** Whether both sides can send, so that the receiver can tell how much it took. */
  readonly twoWay: boolean;
  /** Whether bytes can be sent now; where not, `onReady` follows. */
  readonly ready: boolean;
  send(bytes: Uint8Array): void;
  /** Stops and restarts the arrival of bytes, where the channel can. */
  pause(paused: boolean): void;
  /** Removes every listener. The channel itself is the caller's and stays open. Idempotent. */
  close(): void;
}

/** What wraps the bytes on channels that other messages may use too. */
const ENVELOPE = '@guestfs/events';

type Handler = (...args: never[]) => void;
type Target = Record<string, ((...args: unknown[]) => unknown) | undefined>;

/** Makes a link of whatever kind of channel it is. Throws `ERR_GUESTFS_ARGUMENT` where it is none. */
export function openLink(port: EventPort, direction: 'send' | 'receive', handlers: LinkHandlers): Link {
  const target = port as unknown as Target;
  if (typeof target.postMessage === 'function') return messageLink(target, handlers);
  if (typeof target.send === 'function' && 'bufferedAmount' in port) return socketLink(port, target, handlers);
  if (typeof target.send === 'function' && 'connected' in port) return ipcLink(target, port.connected, handlers);
  if (direction === 'send' && typeof target.write === 'function')
    return writeLink(port as ByteStreamLike, target, handlers);
  if (direction === 'receive' && typeof target.resume === 'function')
    return readLink(port as ByteStreamLike, target, handlers);
  throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `that is nothing to ${direction} events over`, {
    hint: 'use a MessagePort, a Worker, a child process with IPC, a WebSocket or a byte stream',
  });
}

function messageLink(target: Target, handlers: LinkHandlers): Link {
  const listeners = new Listeners(target);
  listeners.add('message', (message: unknown) => {
    // A Node port gives the message, a browser's an event around it.
    const bytes = open(message) ?? open((message as { data?: unknown } | null)?.data);
    if (bytes instanceof Uint8Array) handlers.onBytes(bytes);
  });
  for (const name of ['close', 'exit']) listeners.add(name, () => handlers.onGone());
  listeners.add('messageerror', () => handlers.onGone(new Error('a message could not be read')));
  target.start?.();
  return {
    twoWay: true,
    ready: true,
    send: (bytes) => void target.postMessage?.({ [ENVELOPE]: bytes }),
    pause: () => undefined,
    close: () => listeners.remove(),
  };
}

function ipcLink(target: Target, connected: boolean, handlers: LinkHandlers): Link {
  const listeners = new Listeners(target);
  listeners.add('message', (message: unknown) => {
    const text = open(message);
    if (typeof text !== 'string') return;
    try {
      handlers.onBytes(fromBase64(text));
    } catch (cause) {
      handlers.onGone(cause);
    }
  });
  listeners.add('disconnect', () => handlers.onGone());
  if (!connected) soon(handlers);
  // The channel may carry JSON only. Where sending fails there may still be messages to read before `disconnect`.
  const send = (bytes: Uint8Array): void => void target.send?.({ [ENVELOPE]: toBase64(bytes) }, () => undefined);
  return { twoWay: true, ready: true, send, pause: () => undefined, close: () => listeners.remove() };
}

function socketLink(port: EventPort, target: Target, handlers: LinkHandlers): Link {
  const socket = port as WebSocketLike & { readonly readyState?: number };
  socket.binaryType = 'arraybuffer';
  const listeners = new Listeners(target, true);
  listeners.add('message', ({ data }: { data: unknown }) => {
    if (data instanceof ArrayBuffer) handlers.onBytes(new Uint8Array(data));
    else if (data instanceof Uint8Array) handlers.onBytes(data);
  });
  listeners.add('open', () => handlers.onReady());
  listeners.add('close', () => handlers.onGone());
  listeners.add('error', (event: { error?: unknown }) => handlers.onGone(event.error));
  if ((socket.readyState ?? 1) > 1) soon(handlers);
  return {
    twoWay: true,
    get ready() {
      return socket.readyState !== 0;
    },
    send: (bytes) => socket.send(bytes as Uint8Array<ArrayBuffer>),
    pause: () => undefined,
    close: () => listeners.remove(),
  };
}

function writeLink(stream: ByteStreamLike & { writable?: boolean }, target: Target, handlers: LinkHandlers): Link {
  const listeners = new Listeners(target);
  let full = false;
  listeners.add('drain', () => {
    full = false;
    handlers.onReady();
  });
  listeners.add('close', () => handlers.onGone());
  if (stream.writable === false) soon(handlers);
  // Stays: a stream that fails after it was left alone must not take the process with it.
  target.on?.('error', (error: unknown) => handlers.onGone(error));
  return {
    twoWay: false,
    get ready() {
      return !full;
    },
    send: (bytes) => {
      full = target.write?.(bytes) === false;
    },
    pause: () => undefined,
    close: () => listeners.remove(),
  };
}

function readLink(stream: ByteStreamLike & { readable?: boolean }, target: Target, handlers: LinkHandlers): Link {
  const listeners = new Listeners(target);
  listeners.add('data', (bytes: unknown) => {
    if (bytes instanceof Uint8Array) handlers.onBytes(bytes);
    else handlers.onGone(new TypeError('the stream gives text, not bytes'));
  });
  for (const name of ['end', 'close']) listeners.add(name, () => handlers.onGone());
  if (stream.readable === false) soon(handlers);
  target.on?.('error', (error: unknown) => handlers.onGone(error));
  return {
    twoWay: false,
    ready: false,
    send: () => undefined,
    pause: (paused) => void (paused ? target.pause?.() : target.resume?.()),
    close: () => {
      listeners.remove();
      target.pause?.();
    },
  };
}

/** For a channel that was gone before anybody listened: no event of its own will come. */
function soon(handlers: LinkHandlers): void {
  queueMicrotask(() => handlers.onGone());
}

function open(message: unknown): unknown {
  return typeof message === 'object' && message !== null ? (message as Record<string, unknown>)[ENVELOPE] : undefined;
}

/** Listeners on a Node emitter or a DOM event target that are removed together. */
class Listeners {
  readonly #target: Target;
  readonly #add: 'on' | 'addEventListener';
  readonly #remove: 'off' | 'removeEventListener';
  readonly #added: [string, Handler][] = [];

  constructor(target: Target, dom = typeof target.on !== 'function') {
    this.#target = target;
    this.#add = dom ? 'addEventListener' : 'on';
    this.#remove = dom ? 'removeEventListener' : 'off';
  }

  add(name: string, handler: Handler): void {
    this.#target[this.#add]?.(name, handler);
    this.#added.push([name, handler]);
  }

  remove(): void {
    for (const [name, handler] of this.#added.splice(0)) this.#target[this.#remove]?.(name, handler);
  }
}
