/** What a transfer may do with the line while it has it for itself. */
export interface TransferChannel {
  /** Sends frames; `released` is called when they have gone, and may be changed. */
  write(bytes: Buffer, released?: () => void): void;
  pause(): void;
  resume(): void;
  /** Tells whether the transfer waits for the program and not for the daemon. */
  waitsForProgram(waits: boolean): void;
  /** Calls the daemon behind what was sent: once it answers, it has nothing more to say to what came before. */
  probe(): void;
  /**
   * The transfer is over and both sides are in step: the line is free. With `maybeAgain` the daemon was told to stop and
   * said that it did, which some of its functions say twice.
   */
  release(maybeAgain?: boolean): void;
}

/** The file part of a call. The connection calls these; all may come at any time after `begin`. */
export interface Transfer {
  /** The call was sent. */
  begin(channel: TransferChannel): void;
  /** The call was cancelled: give the file up by protocol. */
  cancel(): void;
  /** The daemon's reply: an ok reply's value, or an error. */
  succeeded(value: unknown): void;
  /** With `chunksFollow` the daemon said ok, but what it said makes no sense. */
  failed(error: Error, chunksFollow: boolean): void;
  /** Whether a reply may come: not before the last chunk of an upload. */
  readonly answerable: boolean;
  /** Whether frames are chunks now; if so they go to `chunk`. */
  readonly receiving: boolean;
  chunk(bytes: Buffer, start: number, end: number): void;
  /** All frames of one received buffer were passed on. */
  received(): void;
  /** The daemon's cancel flag. */
  refused(): void;
  /** The daemon tells an error in the middle of its file, whose end follows all the same. */
  interrupted(error: Error): void;
  /** The daemon has answered a later call, and said nothing of the end of this one. */
  overdue(error: Error): void;
  /** The connection is gone, the call has been rejected. */
  abandon(): void;
}
