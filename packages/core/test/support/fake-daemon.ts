import { afterEach } from '@jest/globals';
import { Connection, memoryTransports, type ConnectionOptions, type Transport } from '@guestfs/core';
import { errorReply, LAUNCH_WORD, okReply } from './wire.js';

export interface ReceivedCall {
  readonly proc: number;
  readonly serial: number;
  readonly hint: bigint;
  readonly bitmask: bigint;
  readonly body: Buffer;
}

/** The daemon's side of a connection, played by a test: it reads what the client sent, word by word, and answers. */
export class FakeDaemon {
  readonly transport: Transport;
  #bytes = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(transport: Transport) {
    this.transport = transport;
    transport.start({
      data: (bytes) => {
        this.#bytes = Buffer.concat([this.#bytes, bytes]);
        this.#wake?.();
      },
      end: () => {
        this.#ended = true;
        this.#wake?.();
      },
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes that came and were not read. */
  get unread(): number {
    return this.#bytes.length;
  }

  send(...parts: readonly Uint8Array[]): void {
    for (const part of parts) this.transport.write(part);
  }

  /** Sends and waits while the client is slow. */
  sendSlowly(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.transport.write(bytes, resolve));
  }

  async read(count: number): Promise<Buffer> {
    while (this.#bytes.length < count) {
      if (this.#ended) throw new Error(`the client ended after ${this.#bytes.length} of ${count} bytes`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  async frame(): Promise<Buffer> {
    const length = (await this.read(4)).readUInt32BE();
    return length === 0xffffeeee ? Buffer.from('cancel') : this.read(length);
  }

  /** The next call; checks what is the same in all of them. */
  async call(): Promise<ReceivedCall> {
    const bytes = await this.frame();
    const fixed = [bytes.readUInt32BE(0), bytes.readUInt32BE(4), bytes.readUInt32BE(12), bytes.readUInt32BE(36)];
    if (fixed.join() !== [0x2000f5f5, 4, 0, 0].join()) throw new Error(`not a call: ${bytes.toString('hex')}`);
    return {
      proc: bytes.readUInt32BE(8),
      serial: bytes.readUInt32BE(16),
      hint: bytes.readBigUInt64BE(20),
      bitmask: bytes.readBigUInt64BE(28),
      body: bytes.subarray(40),
    };
  }

  /** The next chunk of an upload. */
  async chunk(): Promise<{ cancel: number; data: Buffer }> {
    const bytes = await this.frame();
    const length = bytes.readUInt32BE(4);
    if (bytes.length !== 8 + length + ((4 - (length % 4)) % 4)) throw new Error('a chunk of the wrong length');
    return { cancel: bytes.readUInt32BE(0), data: bytes.subarray(8, 8 + length) };
  }

  /** All data of an upload, up to its last chunk. */
  async file(): Promise<{ cancelled: boolean; data: Buffer }> {
    const parts: Buffer[] = [];
    for (;;) {
      const { cancel, data } = await this.chunk();
      if (cancel === 1 || data.length === 0) return { cancelled: cancel === 1, data: Buffer.concat(parts) };
      parts.push(data);
    }
  }

  /** Answers the next call with ok and a body. */
  async answer(...body: readonly Uint8Array[]): Promise<ReceivedCall> {
    const call = await this.call();
    this.send(okReply(call.proc, call.serial, ...body));
    return call;
  }

  async refuse(errno: string, message: string): Promise<ReceivedCall> {
    const call = await this.call();
    this.send(errorReply(call.proc, call.serial, errno, message));
    return call;
  }
}

/** An open call keeps the process alive, and many a test leaves one. */
const connections: Connection[] = [];
afterEach(() => {
  for (const connection of connections.splice(0)) connection.destroy();
});

/** A connection and the daemon at its other end, in memory. It is destroyed when the test is over. */
export async function connectFake(
  options: Partial<ConnectionOptions> = {},
): Promise<{ connection: Connection; daemon: FakeDaemon }> {
  const [near, far] = memoryTransports();
  const daemon = new FakeDaemon(far);
  daemon.send(LAUNCH_WORD);
  const connection = await Connection.open(near, { launchFlag: 'required', ...options });
  connections.push(connection);
  return { connection, daemon };
}

/** The rejection of a promise; fails when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<Record<string, unknown> & Error> {
  try {
    await promise;
  } catch (error) {
    return error as Record<string, unknown> & Error;
  }
  throw new Error('it did not reject');
}
