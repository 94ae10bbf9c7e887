import { once } from 'node:events';
import { connect } from 'node:net';

/**
 * The limit: a socket through which bytes go that were encoded beforehand, and whose answers are only counted, frame by
 * frame. Nothing that is written in JavaScript can be faster.
 */
export async function openBare(path) {
  const counter = new FrameCounter();
  const buffer = Buffer.allocUnsafeSlow(256 * 1024);
  // One buffer for all reads: those that Node makes for each would be collected while others are measured.
  const callback = (length) => {
    counter.push(buffer.subarray(0, length));
    return true;
  };
  const launched = counter.reach((frames) => frames === 1);
  const socket = connect({ path, onread: { buffer, callback } });
  await once(socket, 'connect');
  await launched;
  return {
    /** Writes, and resolves when the answer has this many frames. */
    async replies(bytes, count) {
      const done = counter.reach((frames) => frames === count);
      for (let at = 0; at < bytes.length; at += 1 << 20) {
        if (!socket.write(bytes.subarray(at, at + (1 << 20)))) await once(socket, 'drain');
      }
      await done;
    },
    /** Writes a download's call, and resolves at the empty chunk that ends the file. */
    async file(bytes) {
      const done = counter.reach((frames, last) => last === 12 && frames > 1);
      socket.write(bytes);
      await done;
    },
    close: () => socket.destroy(),
  };
}

/** Steps over frames by their lengths; the launch flag counts as one. */
class FrameCounter {
  #left = 0;
  #length = Buffer.alloc(4);
  #have = 0;
  #frames = 0;
  #size = 0;
  #reached = null;

  reach(test) {
    this.#frames = 0;
    return new Promise((resolve) => (this.#reached = { test, resolve }));
  }

  push(bytes) {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - at);
        this.#left -= step;
        at += step;
        if (this.#left === 0) this.#ended();
      } else {
        this.#length[this.#have++] = bytes[at++];
        if (this.#have === 4) this.#begun();
      }
    }
  }

  #begun() {
    this.#have = 0;
    const word = this.#length.readUInt32BE();
    const flag = word === 0xf5f55ff5;
    this.#left = flag ? 0 : word;
    this.#size = flag ? 0 : word + 4;
    if (flag) this.#ended();
  }

  #ended() {
    this.#frames += 1;
    if (!this.#reached?.test(this.#frames, this.#size)) return;
    const { resolve } = this.#reached;
    this.#reached = null;
    resolve();
  }
}
