interface Hub {
  readonly listeners: Set<() => void>;
  readonly dispatch: () => void;
}

const hubs = new WeakMap<AbortSignal, Hub>();

/**
 * Calls back once when the signal is aborted, and at once where it is; the function given back withdraws that.
 *
 * However many wait, the signal has one listener: Node warns of more than ten. They are called in the order in which they
 * came. When the last one withdraws, nothing is left on the signal.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => undefined;
  }
  const { listeners } = hubs.get(signal) ?? openHub(signal);
  // The same function may be given twice.
  const listener = (): void => callback();
  listeners.add(listener);
  return () => {
    if (listeners.delete(listener) && listeners.size === 0) closeHub(signal);
  };
}

function openHub(signal: AbortSignal): Hub {
  const listeners = new Set<() => void>();
  const dispatch = (): void => {
    closeHub(signal);
    // One that is withdrawn by another is not called any more.
    for (const listener of listeners) {
      listeners.delete(listener);
      try {
        listener();
      } catch (error) {
        // As for any listener of a signal: it keeps no other from being called.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  };
  const hub = { listeners, dispatch };
  hubs.set(signal, hub);
  signal.addEventListener('abort', dispatch, { once: true });
  return hub;
}

function closeHub(signal: AbortSignal): void {
  const hub = hubs.get(signal);
  if (hub === undefined) return;
  hubs.delete(signal);
  signal.removeEventListener('abort', hub.dispatch);
}
