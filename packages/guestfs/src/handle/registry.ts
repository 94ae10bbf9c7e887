import type { Handle } from './handle.js';

const handles = new WeakMap<object, Handle>();

/** Ends what a program has lost: nothing that runs on refers to the object itself, so that it can become garbage. */
const lost = new FinalizationRegistry<Handle>((handle) => handle.abandon());

/** Lets the functions beside the class find what stands behind a `Guestfs`. */
export function registerHandle(g: object, handle: Handle): void {
  handles.set(g, handle);
  lost.register(g, handle);
  handle.endWithProcess();
}

export function handleOf(g: object): Handle {
  const handle = handles.get(g);
  if (handle === undefined) throw new TypeError('not a Guestfs object of this copy of the package');
  return handle;
}
