import {
  GuestfsError,
  memoryTransports,
  type MemoryTransport,
  type Transport,
  type TransportReceiver,
} from '@guestfs/core';
import {
  DIRECTION_REPLY,
  isMessage,
  LENGTH_SIZE,
  PING,
  pingFrame,
  PROGRESS_FLAG,
  PROGRESS_OFFSET,
  SERIAL_OFFSET,
} from '@guestfs/core/protocol';
import { isAnswered } from './answered.js';
import { ClientSide, type ClientObserver, type UploadSummary } from './client-side.js';
import type { RecordedCall, Recording } from './records.js';
import type { CallRequest } from './request.js';

/** How many bytes may be on their way to the client. */
const HIGH_WATER_MARK = 256 * 1024;

/**
 * Answers calls from a recording, as the daemon did.
 *
 * `transport` is the client's end. When a call is not the recorded one, it ends with `ERR_GUESTFS_REPLAY`, which names
 * the call and what was recorded in its place.
 */
export class Player implements TransportReceiver, ClientObserver {
  readonly transport: Transport;
  protected readonly peer: MemoryTransport;
  readonly #recording: Recording;
  readonly #client = new ClientSide(this);
  readonly #queue: Buffer[] = [];
  #next = 0;
  #current: { recorded: RecordedCall; call: CallRequest } | null = null;
  /** Bytes that the client has not taken yet. */
  #unread = 0;
  #flushing = false;
  #lost = false;
  #parted = false;

  constructor(recording: Recording, name: string) {
    this.#recording = recording;
    const [here, there] = memoryTransports(name);
    this.transport = here;
    this.peer = there;
    there.start(this);
  }

  /** How many recorded calls were not asked for. */
  get left(): number {
    return this.#recording.calls.length - this.#next;
  }

  // What the client's end brings.

  data(bytes: Buffer): void {
    if (this.#parted) return;
    try {
      this.#client.push(bytes);
    } catch (error) {
      this.#parted = true;
      this.transport.destroy(error as Error);
    }
  }

  end(): void {
    this.#queue.length = 0;
  }

  // What the client says.

  call(call: CallRequest): void {
    if (this.#parted) return;
    const recorded = this.#recording.calls[this.#next];
    // The client asks so behind some calls, depending on time, whether the daemon is done with them.
    if (call.proc === PING.proc && recorded?.proc !== PING.proc)
      return this.#answer([pingFrame(0, DIRECTION_REPLY)], call.serial);
    const at = this.#next++;
    if (recorded === undefined)
      return this.#part(at, `the recording ends after ${at} calls, and ${call.name} is one more`);
    if (recorded.proc !== call.proc)
      return this.#part(at, `call ${at + 1} is ${recorded.name} in the recording, but ${call.name} now`);
    if (!recorded.request.equals(call.request))
      return this.#part(at, `call ${at + 1}, ${call.name}, has other arguments than in the recording`);
    this.#current = { recorded, call };
    this.#answer(recorded.early, call.serial);
    if (call.transfer !== 'in') this.#complete(recorded, call);
  }

  uploaded(upload: UploadSummary): void {
    if (this.#parted || this.#current === null) return;
    const { recorded, call } = this.#current;
    const expected = recorded.upload;
    const comparable = this.#recording.compareUploads && expected?.whole === true && upload.whole;
    if (comparable && (expected.bytes !== upload.bytes || expected.sha256 !== upload.sha256)) {
      const how =
        expected.bytes === upload.bytes
          ? 'with other content'
          : `of ${upload.bytes} bytes instead of ${expected.bytes}`;
      return this.#part(this.#next - 1, `call ${this.#next}, ${recorded.name}, sends a file ${how}`);
    }
    this.#complete(recorded, call);
  }

  #complete(recorded: RecordedCall, { name, serial, transfer }: CallRequest): void {
    this.#current = null;
    if (!recorded.lost && !isAnswered(recorded, transfer))
      return this.#part(this.#next - 1, `there is no whole answer to call ${this.#next}, ${name}`);
    this.#answer(recorded.late, serial);
    if (recorded.lost) {
      this.#lost = true;
      this.#flush();
    }
  }

  #answer(frames: readonly Buffer[], serial: number): void {
    for (const frame of frames) {
      const copy = Buffer.from(frame);
      const word = copy.readUInt32BE();
      if (word === PROGRESS_FLAG) copy.writeUInt32BE(serial, LENGTH_SIZE + PROGRESS_OFFSET.serial);
      else if (isMessage(copy, LENGTH_SIZE, copy.length)) copy.writeUInt32BE(serial, SERIAL_OFFSET);
      this.#queue.push(copy);
    }
    this.#flush();
  }

  #flush(): void {
    // Not within itself: a transport that has ended is done with every frame at once.
    if (this.#flushing) return;
    this.#flushing = true;
    while (this.#unread < HIGH_WATER_MARK) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      this.#unread += next.length;
      this.peer.write(next, () => {
        this.#unread -= next.length;
        this.#flush();
      });
    }
    this.#flushing = false;
    if (this.#lost && this.#queue.length === 0) void this.peer.close();
  }

  #part(at: number, why: string): void {
    this.#parted = true;
    const error = new GuestfsError('ERR_GUESTFS_REPLAY', `the calls part from the recording: ${why}`, {
      hint:
        at === 0
          ? 'check that this is the recording of this program'
          : 'make the program call the same again, or record the session anew',
    });
    // What was answered before must arrive first, or the error would be told of an earlier call.
    setImmediate(() => setImmediate(() => this.transport.destroy(error)));
  }
}
