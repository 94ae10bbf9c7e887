import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { GuestfsError } from '../../protocol/errors.js';
import { LineReader } from '../process/line-reader.js';
import { parseQmp, type QmpEvent, type QmpVersion } from './messages.js';

/** qemu's answers are short; a longer line means that something else is at the other end. */
const LINE_LIMIT = 4 * 1024 * 1024;

interface Waiter {
  readonly wanted: (event: QmpEvent) => boolean;
  readonly resolve: (event: QmpEvent) => void;
  readonly reject: (error: Error) => void;
}

/** Told of what happens on a control connection; neither may throw. */
export interface QmpListener {
  event(event: QmpEvent): void;
  /** Nothing more comes. */
  end(): void;
}

interface Command {
  readonly name: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Talks to a running qemu by its machine protocol: a JSON text a line, each command answered by its id.
 *
 * When the stream ends, everything that waits rejects with ERR_GUESTFS_QEMU_EXITED, and so does every later command.
 */
export class QmpClient {
  readonly #stream: Duplex;
  readonly #commands = new Map<number, Command>();
  readonly #waiters = new Set<Waiter>();
  readonly #listeners = new Set<QmpListener>();
  #nextId = 1;
  #end: Error | null = null;
  #greeted!: (version: QmpVersion) => void;
  #refused!: (error: Error) => void;

  private constructor(stream: Duplex) {
    this.#stream = stream;
    const lines = new LineReader((line) => this.#read(line), LINE_LIMIT);
    stream.on('data', (bytes: Buffer) => {
      try {
        lines.add(bytes);
      } catch (error) {
        this.#finish(error as Error);
      }
    });
    stream.on('error', (error) => this.#finish(error));
    stream.on('close', () => this.#finish(null));
  }

  /** Takes a fresh stream over, waits for qemu's greeting, and makes it ready for commands. */
  static async open(stream: Duplex): Promise<{ client: QmpClient; version: QmpVersion }> {
    const client = new QmpClient(stream);
    const version = await new Promise<QmpVersion>((resolve, reject) => {
      client.#greeted = resolve;
      client.#refused = reject;
    });
    await client.execute('qmp_capabilities');
    return { client, version };
  }

  /** Runs a command and resolves with what it returns; rejects with qemu's own words when it refuses. */
  execute(name: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#end !== null) return reject(this.#end);
      const id = this.#nextId++;
      this.#commands.set(id, { name, resolve, reject });
      this.#stream.write(`${JSON.stringify({ execute: name, arguments: args, id })}\n`);
    });
  }

  /** Resolves with the next event for which `wanted` is true; subscribed from the moment of the call. */
  event(wanted: (event: QmpEvent) => boolean): Promise<QmpEvent> {
    const found = new Promise<QmpEvent>((resolve, reject) => {
      if (this.#end !== null) return reject(this.#end);
      this.#waiters.add({ wanted, resolve, reject });
    });
    // It may reject before anyone waits for it.
    found.catch(() => undefined);
    return found;
  }

  /** Tells a listener of every event from now on, and of the end. */
  listen(listener: QmpListener): void {
    this.#listeners.add(listener);
  }

  /** Lets this process end though the stream is open. */
  unref(): void {
    (this.#stream as Partial<Socket>).unref?.();
  }

  close(): void {
    this.#stream.destroy();
  }

  #read(line: string): void {
    const message = parseQmp(line);
    if (message.kind === 'greeting') return this.#greeted(message.version);
    if (message.kind === 'event') return this.#tell(message.event);
    const command = this.#commands.get(message.id);
    if (command === undefined) return;
    this.#commands.delete(message.id);
    if (message.kind === 'return') return command.resolve(message.value);
    command.reject(new GuestfsError('ERR_GUESTFS_UNSUPPORTED', `qemu refused ${command.name}: ${message.description}`));
  }

  #tell(event: QmpEvent): void {
    for (const listener of this.#listeners) listener.event(event);
    for (const waiter of this.#waiters) {
      if (!waiter.wanted(event)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(event);
    }
  }

  #finish(cause: Error | null): void {
    if (this.#end !== null) return;
    this.#end = new GuestfsError('ERR_GUESTFS_QEMU_EXITED', 'the control connection to qemu ended', {
      cause: cause ?? undefined,
    });
    this.#stream.destroy();
    this.#refused(this.#end);
    for (const { reject } of [...this.#commands.values(), ...this.#waiters]) reject(this.#end);
    this.#commands.clear();
    this.#waiters.clear();
    for (const listener of this.#listeners) listener.end();
    this.#listeners.clear();
  }
}
