import { GuestfsError } from '../errors.js';
import { hold, release } from '../keep-alive.js';
import { readDaemonError } from '../wire/daemon-error.js';
import { isCancelChunk } from '../wire/chunks.js';
import { PING } from '../wire/ping.js';
import { FrameDecoder, type FrameReceiver } from '../wire/frames.js';
import { isMessage, readReplyHeader, SERIAL_OFFSET, type ReplyHeader } from '../wire/header.js';
import { makeProgress } from '@guestfs/events';
import type { Transport } from '../transport/contract.js';
import { Reader } from '../xdr/reader.js';
import type { Writer } from '../xdr/writer.js';
import { PendingCall } from './call.js';
import { daemonFailure, unansweredFailure } from './failures.js';
import { Fifo } from './fifo.js';
import type { ConnectionTap } from './options.js';
import { Outbox } from './outbox.js';
import type { Transfer, TransferLine } from '../transfer/transfer.js';

/** How many calls, and how many bytes of them, may be with the daemon unanswered. */
const IN_FLIGHT_MAX = 512;
const BYTES_MAX = 1024 * 1024;

/** A call of the line's own. */
const PROBE: typeof PING = { ...PING };

/**
 * The order of calls on a connection: who is sent when, and whose reply it is that comes.
 *
 * Calls that move no file are sent ahead, up to a bound; one that moves a file has the line for itself. What throws out
 * of `data` means that the two sides have lost synchronization, and nothing more may be sent or read.
 */
export class Line implements FrameReceiver, TransferLine {
  /** Resolves when the daemon says its first word: whether that is the launch flag. */
  readonly launchFlagFirst: Promise<boolean>;
  readonly #transport: Transport;
  readonly #tap: ConnectionTap | undefined;
  readonly #outbox: Outbox;
  readonly #decoder = new FrameDecoder(this);
  readonly #reader = new Reader();
  readonly #header: ReplyHeader = { proc: 0, serial: 0, failed: false };
  /** Issued, not sent. */
  readonly #queue = new Fifo<PendingCall>();
  /** Sent, not answered: a cancelled one stays until its reply has been dropped. */
  readonly #sent = new Fifo<PendingCall>();
  #sentBytes = 0;
  /** The file transfer that has the line. */
  #transfer: Transfer | null = null;
  #transferCall: PendingCall | null = null;
  /** The daemon may say once more that it has stopped sending a file. */
  #maybeAgain = false;
  /** Nothing is sent: while the daemon's machine stands still, and then until it has answered what it was sent before. */
  #held: 'stalled' | 'draining' | null = null;
  #serial = 0;
  #resolveFirst: ((isLaunchFlag: boolean) => void) | null = null;
  #reading = false;
  /** A transfer waits for the program, which gives or takes its bytes. */
  #waitsForProgram = false;
  #holding = false;
  #onIdle: (() => void) | null = null;

  constructor(transport: Transport, tap: ConnectionTap | undefined) {
    this.#transport = transport;
    this.#tap = tap;
    this.#outbox = new Outbox(transport);
    this.launchFlagFirst = new Promise((resolve) => (this.#resolveFirst = resolve));
  }

  /** Whether no call is queued or unanswered. */
  get idle(): boolean {
    return this.#queue.length === 0 && this.#sent.length === 0 && this.#transfer === null;
  }

  /** Whether nothing is on the line but calls that were cancelled and move no file. */
  get #unwanted(): boolean {
    return this.#transfer === null && this.waiting === undefined;
  }

  /** What the daemon is at, where that was cancelled: nobody waits for it but the calls behind it. */
  get abandoned(): PendingCall | null {
    const call = this.#transferCall ?? this.#sent.peek();
    return call?.settled === true && this.#held === null ? call : null;
  }

  /** The first call that waits for its answer. */
  get waiting(): PendingCall | undefined {
    const waits = (call: PendingCall): boolean => !call.settled;
    const call = this.#transferCall;
    return call !== null && waits(call) ? call : (this.#sent.find(waits) ?? this.#queue.find(waits));
  }

  /** Resolves when nobody waits for the daemon any more, or when it is stalled: nobody knows then how long. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#checkIdle();
    });
  }

  /** Encodes a call and sends or queues it. Throws, with nothing sent, when its arguments cannot be encoded. */
  issue(call: PendingCall, progressHint: bigint): void {
    const { writer } = this.#outbox;
    const place = call.codec.encode(writer, call.args, call.optargs, progressHint);
    call.size = writer.pending - place;
    if (call.codec.hasSecret) call.secrets = call.codec.secrets();
    if (this.#queue.length === 0 && this.#mayGo(call)) {
      this.#stamp(call, writer, place);
      this.#onLine(call);
      // A daemon that has nothing to do need not wait for what else is issued in this turn.
      if (this.#sent.length === 1 && call.transfer === null) this.#outbox.flush();
      else this.#outbox.schedule();
      return;
    }
    // A copy of just the right size: ten thousand queued calls must not hold ten thousand blocks.
    call.frame = Buffer.from(writer.peek(place));
    writer.rewind(place);
    this.#queue.push(call);
    this.#updateHold();
  }

  /** Bytes from the transport. */
  data(bytes: Buffer): void {
    this.#tap?.received(bytes);
    this.#reading = true;
    try {
      this.#decoder.push(bytes);
      this.#transfer?.received();
    } finally {
      this.#reading = false;
    }
    this.#pump();
    this.#updateHold();
  }

  /**
   * Drops what was not sent, and gives up a transfer, for a process that exits. Returns what is then missing on the disks:
   * the calls that were dropped, and an upload that was cut off.
   */
  giveUp(reason: Error): PendingCall[] {
    const dropped = this.#queue.drain().filter((call) => !call.settled);
    for (const call of dropped) call.reject(reason);
    const current = this.#transferCall;
    if (current === null || current.settled) return dropped;
    current.cancel(reason);
    return current.procedure.transfer === 'in' ? [current, ...dropped] : dropped;
  }

  /** Ends the line; returns the calls that were not answered. */
  end(): PendingCall[] {
    this.#outbox.close();
    const calls = [...this.#sent.drain(), ...this.#queue.drain()];
    // The call of a download is answered, and yet not done.
    if (this.#transferCall !== null && !calls.includes(this.#transferCall)) calls.unshift(this.#transferCall);
    this.#transfer?.abandon();
    this.#transfer = null;
    this.#transferCall = null;
    this.#updateHold();
    this.#checkIdle();
    return calls;
  }

  flush(): void {
    this.#outbox.flush();
  }

  /** Stops sending. */
  hold(): void {
    this.#held = 'stalled';
    this.#updateHold();
    this.#checkIdle();
  }

  /** Stops sending, and returns the calls that are open; those that were not sent are off the line. */
  halt(): PendingCall[] {
    this.hold();
    const sent = this.#sent.list();
    const calls = [...sent, ...this.#queue.drain()];
    // The call of a download is answered, and yet not done.
    if (this.#transferCall !== null && !sent.includes(this.#transferCall)) calls.unshift(this.#transferCall);
    this.#updateHold();
    return calls;
  }

  /** Sends again once the daemon has answered all that it was sent before the stall. */
  proceed(): void {
    if (this.#held !== 'stalled') return;
    this.#held = 'draining';
    this.#updateHold();
    if (!this.#reading) this.#pump();
  }

  // The frames, in the order of the wire.

  launched(): void {
    if (this.#resolveFirst === null) throw lostSynchronization('a launch flag in the middle of the connection');
    this.#resolveFirst(true);
    this.#resolveFirst = null;
  }

  cancelled(): void {
    this.#spoken();
    this.#transfer?.refused();
  }

  progress(proc: number, serial: number, position: bigint, total: bigint): void {
    this.#spoken();
    const call =
      this.#transferCall?.serial === serial ? this.#transferCall : this.#sent.find((sent) => sent.serial === serial);
    if (call === undefined || call.countsBytes) return;
    call.progress(makeProgress({ operation: call.operation, proc, serial, position, total }));
  }

  frame(bytes: Buffer, start: number, end: number, owned: boolean): void {
    this.#spoken();
    if (this.#transfer?.receiving && !isMessage(bytes, start, end)) {
      this.#transfer.chunk(bytes, start, end);
    } else if (this.#maybeAgain && isCancelChunk(bytes, start, end)) {
      this.#maybeAgain = false;
    } else {
      this.#reply(this.#reader.reset(bytes, start, end, owned));
    }
  }

  #reply(reader: Reader): void {
    const header = this.#header;
    readReplyHeader(reader, header);
    this.#maybeAgain = false;
    if (this.#transfer?.receiving && header.failed && this.#transferCall?.serial === header.serial) {
      this.#transfer.interrupted(daemonFailure(this.#transferCall, readDaemonError(reader)));
      return;
    }
    const isAnswered = ({ serial, procedure }: PendingCall): boolean =>
      serial === header.serial && procedure.proc === header.proc;
    const first = this.#sent.peek();
    if (first === undefined) throw lostSynchronization(`a reply with serial ${header.serial} to no call`);
    if (!isAnswered(first) && this.#sent.find(isAnswered) === undefined) {
      throw lostSynchronization(
        `a reply to call ${header.serial} of procedure ${header.proc} where ${first.serial} of ${first.procedure.proc} must be`,
      );
    }
    // The daemon answers in order: what it was to say to those before, it will not say any more.
    if (this.#transfer?.receiving) this.#transfer.overdue(unansweredFailure(this.#transferCall ?? first));
    let call = this.#sent.shift()!;
    for (; !isAnswered(call); call = this.#sent.shift()!) this.#unanswered(call);
    this.#sentBytes -= call.size;
    const next = this.#sent.peek();
    if (next !== undefined) next.begunAt = performance.now();
    if (call.transfer !== null) this.#transferReply(call, call.transfer, reader, header.failed);
    else if (!call.settled) this.#settle(call, reader, header.failed);
  }

  #unanswered(call: PendingCall): void {
    this.#sentBytes -= call.size;
    if (call.transfer !== null) call.transfer.overdue(unansweredFailure(call));
    else call.reject(unansweredFailure(call));
  }

  #settle(call: PendingCall, reader: Reader, failed: boolean): void {
    try {
      if (failed) call.reject(daemonFailure(call, readDaemonError(reader)));
      else call.resolve(call.codec.decode(reader));
    } catch (error) {
      // The frame was whole, so the connection is still in step.
      call.reject(inCall(call, error));
    }
  }

  #transferReply(call: PendingCall, transfer: Transfer, reader: Reader, failed: boolean): void {
    let outcome: unknown;
    let error: Error | null = null;
    try {
      if (failed) error = daemonFailure(call, readDaemonError(reader));
      else outcome = call.codec.decode(reader);
    } catch (malformed) {
      error = inCall(call, malformed);
    }
    if (!transfer.answerable) {
      const lost = lostSynchronization('a reply before the end of the file', error ?? undefined);
      if (error !== null) call.reject(error);
      throw lost;
    }
    if (error !== null) transfer.failed(error, !failed);
    else transfer.succeeded(outcome);
  }

  // What a transfer may do with the line.

  write(bytes: Buffer, released?: () => void): void {
    this.#tap?.sent(bytes, []);
    this.#outbox.write(bytes, released);
  }

  pause(): void {
    this.waitsForProgram(true);
    this.#transport.pause();
  }

  resume(): void {
    this.waitsForProgram(false);
    this.#transport.resume();
  }

  probe(): void {
    const { writer } = this.#outbox;
    const call = new PendingCall(PROBE, []) as PendingCall;
    const place = call.codec.encode(writer, [], undefined, 0n);
    call.size = writer.pending - place;
    this.#stamp(call, writer, place);
    this.#onLine(call);
    this.#outbox.flush();
  }

  waitsForProgram(waits: boolean): void {
    this.#waitsForProgram = waits;
    this.#updateHold();
  }

  release(maybeAgain = false): void {
    this.#transfer = null;
    this.#transferCall = null;
    this.#waitsForProgram = false;
    this.#maybeAgain = maybeAgain;
    if (!this.#reading) this.#pump();
    this.#updateHold();
  }

  #mayGo(call: PendingCall): boolean {
    if (this.#transfer !== null || this.#held === 'stalled') return false;
    if (this.#sent.length === 0) {
      this.#held = null;
      return true;
    }
    if (this.#held !== null) return false;
    if (call.transfer !== null) return false;
    return this.#sent.length < IN_FLIGHT_MAX && this.#sentBytes + call.size <= BYTES_MAX;
  }

  #pump(): void {
    for (let call = this.#queue.peek(); call !== undefined; call = this.#queue.peek()) {
      if (call.frame !== null && !call.settled) {
        if (!this.#mayGo(call)) return;
        const { frame } = call;
        call.frame = null;
        this.#queue.shift();
        this.#sendQueued(call, frame);
      } else {
        this.#queue.shift();
      }
    }
    this.#checkIdle();
  }

  #sendQueued(call: PendingCall, frame: Buffer): void {
    this.#serial = (this.#serial + 1) >>> 0;
    call.serial = this.#serial;
    frame.writeUInt32BE(call.serial, SERIAL_OFFSET);
    this.#tap?.sent(frame, call.secrets ?? []);
    this.#outbox.append(frame);
    this.#onLine(call);
  }

  #stamp(call: PendingCall, writer: Writer, place: number): void {
    this.#serial = (this.#serial + 1) >>> 0;
    call.serial = this.#serial;
    writer.setUint32(place + SERIAL_OFFSET, call.serial);
    // Whether the daemon is probed depends on time, so it is no part of what a recording repeats.
    if (call.procedure !== PROBE) this.#tap?.sent(writer.peek(place), call.secrets ?? []);
  }

  #onLine(call: PendingCall): void {
    this.#sent.push(call);
    this.#sentBytes += call.size;
    if (this.#sent.length === 1) call.begunAt = performance.now();
    this.#updateHold();
    if (call.transfer === null) return;
    this.#transfer = call.transfer;
    this.#transferCall = call;
    call.transfer.begin(this);
  }

  #spoken(): void {
    this.#resolveFirst?.(false);
    this.#resolveFirst = null;
  }

  /** Keeps the process alive while the daemon has something to say or to take, or its machine to go on for a call. */
  #updateHold(): void {
    const busy = !this.#waitsForProgram && (this.#sent.length > 0 || this.#transfer !== null);
    const wanted = this.#held === 'stalled' ? this.#queue.length > 0 : busy;
    if (wanted === this.#holding) return;
    this.#holding = wanted;
    if (wanted) hold();
    else release();
  }

  #checkIdle(): void {
    if (this.#onIdle === null || !(this.#unwanted || this.#held === 'stalled')) return;
    this.#onIdle();
    this.#onIdle = null;
  }
}

function lostSynchronization(message: string, cause?: Error): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_PROTOCOL', `lost synchronization with the daemon: ${message}`, {
    cause,
    hint: 'connect anew; if it happens again, something else reads from or writes to the daemon',
  });
}

/** A reply that could not be read, told as the failure of its call. */
function inCall(call: PendingCall, error: unknown): Error {
  return GuestfsError.is(error) ? error.withCall({ ...call.where(), serial: call.serial }) : (error as Error);
}
