import type { Link, LinkHandlers } from './link.js';

/** What is read from rather than listened to: the body of a `fetch`, a `ReadableStream`, any async iterable of bytes. */
export type ByteSource = AsyncIterable<Uint8Array> | { getReader(): ByteReader };

interface ByteReader {
  read(): Promise<{ done: boolean; value?: unknown }>;
  cancel(): Promise<void>;
}

/** A link that only receives. The source is cancelled when it is left. */
export function pullLink(source: ByteSource, handlers: LinkHandlers): Link {
  const reader = 'getReader' in source ? source.getReader() : readerOf(source);
  let closed = false;
  let resume: (() => void) | undefined;
  let resumed: Promise<void> | undefined;

  const pump = async (): Promise<void> => {
    for (;;) {
      await resumed;
      const { done, value } = await reader.read();
      if (closed || done) return;
      if (!(value instanceof Uint8Array)) throw new TypeError('a chunk is not bytes');
      handlers.onBytes(value);
    }
  };
  const gone = (cause?: unknown): void => {
    if (!closed) handlers.onGone(cause);
  };
  void pump().then(() => gone(), gone);

  return {
    twoWay: false,
    ready: false,
    send: () => undefined,
    pause(paused) {
      if (paused) resumed ??= new Promise((resolve) => (resume = resolve));
      else {
        resumed = undefined;
        resume?.();
      }
    },
    close() {
      if (closed) return;
      closed = true;
      resume?.();
      reader.cancel().then(undefined, () => undefined);
    },
  };
}

function readerOf(source: AsyncIterable<Uint8Array>): ByteReader {
  const iterator = source[Symbol.asyncIterator]();
  return {
    read: async () => {
      const result: IteratorResult<Uint8Array, unknown> = await iterator.next();
      return { done: result.done === true, value: result.value };
    },
    cancel: async () => void (await iterator.return?.()),
  };
}
