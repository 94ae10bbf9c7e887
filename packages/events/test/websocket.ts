/** Two ends of a WebSocket as browsers have it: connecting at first, binary data as ArrayBuffer, DOM events. */
export class FakeWebSocket extends EventTarget {
  binaryType = 'blob';
  bufferedAmount = 0;
  readyState = 0;
  #peer: FakeWebSocket | undefined;

  static pair(): [FakeWebSocket, FakeWebSocket] {
    const [one, other] = [new FakeWebSocket(), new FakeWebSocket()];
    one.#peer = other;
    other.#peer = one;
    setImmediate(() => {
      for (const socket of [one, other]) {
        socket.readyState = 1;
        socket.dispatchEvent(new Event('open'));
      }
    });
    return [one, other];
  }

  send(data: Uint8Array): void {
    if (this.readyState === 0) throw new Error('InvalidStateError');
    const copy = Uint8Array.from(data).buffer;
    setImmediate(() => {
      const peer = this.#peer!;
      const received = peer.binaryType === 'arraybuffer' ? copy : new Blob([copy]);
      peer.dispatchEvent(new MessageEvent('message', { data: received }));
    });
  }
}
