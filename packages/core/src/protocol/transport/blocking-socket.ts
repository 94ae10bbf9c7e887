import { readSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';

/** How long a socket that has nothing and takes nothing is left alone, in milliseconds. */
const NAP = 1;

/** What of Node's own object behind a socket is needed here. */
interface SocketHandle {
  readonly fd?: number;
  /** Bytes that it was given, sent or not. */
  readonly bytesWritten?: number;
  /** Of these, the bytes that the kernel has not taken. */
  readonly writeQueueSize?: number;
}

/** A connected socket that is used without the event loop, for as long as a process takes to exit. */
export class BlockingSocket {
  readonly #fd: number;
  readonly #room = Buffer.allocUnsafeSlow(64 * 1024);
  #unsent: Buffer[] = [];

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Takes a socket over; null where it is gone or Node does not tell its descriptor. `written` are at least the last
   * buffers that were written to it: those that it has not sent yet among them.
   */
  static takeOver(socket: Socket, written: readonly Uint8Array[]): BlockingSocket | null {
    const { fd = -1, bytesWritten, writeQueueSize } = (socket as { _handle?: SocketHandle | null })._handle ?? {};
    if (fd < 0 || !socket.writable || bytesWritten === undefined || writeQueueSize === undefined) return null;
    const blocking = new BlockingSocket(fd);
    const left = socket.bytesWritten - bytesWritten + writeQueueSize;
    if (left > 0) blocking.write(Buffer.concat(written).subarray(-left));
    return blocking;
  }

  /** Takes bytes to be sent before what follows, and sends what the kernel takes. */
  write(bytes: Uint8Array): void {
    this.#unsent.push(Buffer.from(bytes));
    this.#send();
  }

  /** Sends what is left and waits for bytes, to the deadline of `performance.now()`; null at the deadline or the end. */
  read(deadline: number): Buffer | null {
    for (;;) {
      this.#send();
      const count = again(() => readSync(this.#fd, this.#room));
      if (count !== null) return count === 0 ? null : this.#room.subarray(0, count);
      if (performance.now() >= deadline) return null;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAP);
    }
  }

  #send(): void {
    for (let [first] = this.#unsent; first !== undefined; [first] = this.#unsent) {
      const bytes = first;
      const count = again(() => writeSync(this.#fd, bytes));
      if (count === null) return;
      if (count === bytes.length) this.#unsent.shift();
      else this.#unsent[0] = bytes.subarray(count);
    }
  }
}

/** Null where it would have to wait; the number 0, as at the end, where it fails. */
function again(work: () => number): number | null {
  try {
    return work();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? null : 0;
  }
}
