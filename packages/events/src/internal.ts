export { onAbort } from './on-abort.js';
export { BoundedStore } from './overflow.js';
export type { Overflow, StoreOptions } from './overflow.js';
export { fractionOf } from './progress.js';
export { AsyncQueue, createProgressQueue } from './queue.js';
export type { QueueOptions } from './queue.js';
