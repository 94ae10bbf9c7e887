import { makeProgress } from '@guestfs/events';
import { isCancelChunk } from '../wire/chunks.js';
import { readDaemonError } from '../wire/daemon-error.js';
import type { FrameReceiver } from '../wire/frames.js';
import { isMessage, readReplyHeader, type ReplyHeader } from '../wire/header.js';
import { Reader } from '../xdr/reader.js';
import type { PendingCall } from './call.js';
import { daemonFailure, unansweredFailure } from './failures.js';
import { lostSynchronization, settleCall, settleTransfer, settleUnanswered } from './replies.js';
import type { SentCalls } from './sent-calls.js';

/** Takes the frames of the daemon in their order, and finds the call or the transfer that each is for. */
export class ReplyReceiver implements FrameReceiver {
  /** Resolves when the daemon says its first word: whether that is the launch flag. */
  readonly launchFlagFirst: Promise<boolean>;
  /** The daemon may say once more that it has stopped sending a file. */
  maybeAgain = false;
  readonly #sent: SentCalls;
  readonly #reader = new Reader();
  readonly #header: ReplyHeader = { proc: 0, serial: 0, failed: false };
  #resolveFirst: ((isLaunchFlag: boolean) => void) | null = null;

  constructor(sent: SentCalls) {
    this.#sent = sent;
    this.launchFlagFirst = new Promise((resolve) => (this.#resolveFirst = resolve));
  }

  launched(): void {
    if (this.#resolveFirst === null) throw lostSynchronization('a launch flag in the middle of the connection');
    this.#resolveFirst(true);
    this.#resolveFirst = null;
  }

  cancelled(): void {
    this.#spoken();
    this.#sent.transfer?.refused();
  }

  progress(proc: number, serial: number, position: bigint, total: bigint): void {
    this.#spoken();
    const call =
      this.#sent.transferCall?.serial === serial
        ? this.#sent.transferCall
        : this.#sent.find((sent) => sent.serial === serial);
    if (call === undefined || call.countsBytes) return;
    call.progress(makeProgress({ operation: call.operation, proc, serial, position, total }));
  }

  frame(bytes: Buffer, start: number, end: number, owned: boolean): void {
    this.#spoken();
    if (this.#sent.transfer?.receiving && !isMessage(bytes, start, end)) {
      this.#sent.transfer.chunk(bytes, start, end);
    } else if (this.maybeAgain && isCancelChunk(bytes, start, end)) {
      this.maybeAgain = false;
    } else {
      this.#reply(this.#reader.reset(bytes, start, end, owned));
    }
  }

  #reply(reader: Reader): void {
    const header = this.#header;
    readReplyHeader(reader, header);
    this.maybeAgain = false;
    if (this.#sent.transfer?.receiving && header.failed && this.#sent.transferCall?.serial === header.serial) {
      this.#sent.transfer.interrupted(daemonFailure(this.#sent.transferCall, readDaemonError(reader)));
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
    if (this.#sent.transfer?.receiving)
      this.#sent.transfer.overdue(unansweredFailure(this.#sent.transferCall ?? first));
    let call = this.#sent.shift()!;
    for (; !isAnswered(call); call = this.#sent.shift()!) settleUnanswered(call);
    if (call.transfer !== null) settleTransfer(call, call.transfer, reader, header.failed);
    else if (!call.settled) settleCall(call, reader, header.failed);
  }

  #spoken(): void {
    this.#resolveFirst?.(false);
    this.#resolveFirst = null;
  }
}
