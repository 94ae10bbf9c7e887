export { onAbort } from './on-abort.js';
export { BoundedStore } from './iterators/overflow.js';
export type { Overflow, StoreOptions } from './iterators/overflow.js';
export { fractionOf } from './progress/progress.js';
export { AsyncQueue, createProgressQueue } from './iterators/queue.js';
export type { QueueOptions } from './iterators/queue.js';
