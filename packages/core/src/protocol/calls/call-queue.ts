import { hold, release } from '../keep-alive.js';
import { PING } from '../wire/ping.js';
import { FrameDecoder } from '../wire/frames.js';
import { SERIAL_OFFSET } from '../wire/header.js';
import type { Transport } from '../transport/contract.js';
import type { Writer } from '../xdr/writer.js';
import { PendingCall } from './call.js';
import { Fifo } from './fifo.js';
import type { ConnectionTap } from '../connection/options.js';
import { Outbox } from './outbox.js';
import { ReplyReceiver } from './reply-receiver.js';
import { SentCalls } from './sent-calls.js';
import type { TransferChannel } from '../transfer/transfer.js';

/** A call of the queue's own. */
const PROBE: typeof PING = { ...PING };

/**
 * The queue of calls of a connection: which is sent when, and whose reply it is that comes.
 *
 * Calls that move no file are sent ahead, up to a bound; one that moves a file has the connection for itself. What throws out
 * of `data` means that the two sides have lost synchronization, and nothing more may be sent or read.
 */
export class CallQueue implements TransferChannel {
  readonly #transport: Transport;
  readonly #tap: ConnectionTap | undefined;
  readonly #outbox: Outbox;
  readonly #replies: ReplyReceiver;
  readonly #decoder: FrameDecoder;
  /** Issued, not sent. */
  readonly #queue = new Fifo<PendingCall>();
  /** Sent, not answered: a cancelled one stays until its reply has been dropped. */
  readonly #sent = new SentCalls();
  /** Nothing is sent: while the daemon's machine stands still, and then until it has answered what it was sent before. */
  #held: 'stalled' | 'draining' | null = null;
  #serial = 0;
  #reading = false;
  /** A transfer waits for the program, which gives or takes its bytes. */
  #waitsForProgram = false;
  #holding = false;
  #onIdle: (() => void) | null = null;
  readonly #onLeft = (): void => {
    this.#updateHold();
    this.#checkIdle();
  };

  constructor(transport: Transport, tap: ConnectionTap | undefined) {
    this.#transport = transport;
    this.#tap = tap;
    this.#outbox = new Outbox(transport);
    this.#replies = new ReplyReceiver(this.#sent);
    this.#decoder = new FrameDecoder(this.#replies);
  }

  /** Resolves when the daemon says its first word: whether that is the launch flag. */
  get launchFlagFirst(): Promise<boolean> {
    return this.#replies.launchFlagFirst;
  }

  /** Whether no call is queued or unanswered. */
  get idle(): boolean {
    return this.#queue.length === 0 && this.#sent.length === 0 && this.#sent.transfer === null;
  }

  /** Whether nothing is open but calls that were cancelled and move no file. */
  get #unwanted(): boolean {
    return this.#sent.transfer === null && this.waiting === undefined;
  }

  /** What the daemon is at, where that was cancelled: nobody waits for it but the calls behind it. */
  get abandoned(): PendingCall | null {
    const call = this.#sent.transferCall ?? this.#sent.peek();
    return call?.settled === true && this.#held === null ? call : null;
  }

  /** The first call that waits for its answer. */
  get waiting(): PendingCall | undefined {
    const waits = (call: PendingCall): boolean => !call.settled;
    const call = this.#sent.transferCall;
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
      this.#onSent(call);
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
      this.#sent.transfer?.received();
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
    const current = this.#sent.transferCall;
    if (current === null || current.settled) return dropped;
    current.cancel(reason);
    return current.procedure.transfer === 'in' ? [current, ...dropped] : dropped;
  }

  /** Ends the queue; returns the calls that were not answered. */
  end(): PendingCall[] {
    this.#outbox.close();
    const calls = [...this.#sent.drain(), ...this.#queue.drain()];
    // The call of a download is answered, and yet not done.
    if (this.#sent.transferCall !== null && !calls.includes(this.#sent.transferCall))
      calls.unshift(this.#sent.transferCall);
    this.#sent.transfer?.abandon();
    this.#sent.transfer = null;
    this.#sent.transferCall = null;
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

  /** Stops sending, and returns the calls that are open; those that were not sent are not queued any more. */
  halt(): PendingCall[] {
    this.hold();
    const sent = this.#sent.list();
    const calls = [...sent, ...this.#queue.drain()];
    // The call of a download is answered, and yet not done.
    if (this.#sent.transferCall !== null && !sent.includes(this.#sent.transferCall))
      calls.unshift(this.#sent.transferCall);
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

  // What a transfer may do while it has the connection.

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
    this.#onSent(call);
    this.#outbox.flush();
  }

  waitsForProgram(waits: boolean): void {
    this.#waitsForProgram = waits;
    this.#updateHold();
  }

  release(maybeAgain = false): void {
    this.#sent.transfer = null;
    this.#sent.transferCall = null;
    this.#waitsForProgram = false;
    this.#replies.maybeAgain = maybeAgain;
    if (!this.#reading) this.#pump();
    this.#updateHold();
  }

  #mayGo(call: PendingCall): boolean {
    if (this.#sent.transfer !== null || this.#held === 'stalled') return false;
    if (this.#sent.length === 0) {
      this.#held = null;
      return true;
    }
    if (this.#held !== null) return false;
    if (call.transfer !== null) return false;
    return this.#sent.hasRoomFor(call);
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
    this.#onSent(call);
  }

  #stamp(call: PendingCall, writer: Writer, place: number): void {
    this.#serial = (this.#serial + 1) >>> 0;
    call.serial = this.#serial;
    writer.setUint32(place + SERIAL_OFFSET, call.serial);
    // Whether the daemon is probed depends on time, so it is no part of what a recording repeats.
    if (call.procedure !== PROBE) this.#tap?.sent(writer.peek(place), call.secrets ?? []);
  }

  #onSent(call: PendingCall): void {
    this.#sent.push(call);
    call.onLeft = this.#onLeft;
    this.#updateHold();
    if (call.transfer === null) return;
    this.#sent.transfer = call.transfer;
    this.#sent.transferCall = call;
    call.transfer.begin(this);
  }

  /** Keeps the process alive while the daemon has something to say or to take, or its machine to go on for a call. */
  #updateHold(): void {
    const busy = !this.#waitsForProgram && (this.#sent.length > 0 || this.#sent.transfer !== null) && !this.#unwanted;
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
