/** What a program needs that shows events of a handle elsewhere. Nothing here needs Node.js. */
export type { ByteSource } from './bridge/pull.js';
export { receiveEvents } from './bridge/receive.js';
export type { ReceiveOptions } from './bridge/receive.js';
export type { ByteStreamLike, EventPort, IpcLike, MessagePortLike, WebSocketLike } from './bridge/link.js';
export { GuestfsEmitter } from './emitter.js';
export { GuestfsError } from './errors.js';
export type { GuestfsErrorCode } from './errors.js';
export * from './events.js';
export type { Progress } from './progress/progress.js';
export type { EventIterator } from './iterators/queue.js';
export { estimateProgress, ProgressRate } from './progress/rate.js';
export type { ProgressEstimate, RateOptions } from './progress/rate.js';
export { throttle } from './iterators/throttle.js';
export type { ThrottleClock, ThrottleOptions } from './iterators/throttle.js';
