/** What a program needs that shows events of a handle elsewhere. Nothing here needs Node.js. */
export type { ByteSource } from './bridge/pull.js';
export { receiveEvents } from './bridge/receive.js';
export type { ReceiveOptions } from './bridge/receive.js';
export type { ByteStreamLike, EventPort, IpcLike, MessagePortLike, WebSocketLike } from './bridge/link.js';
export { GuestfsEmitter } from './emitter.js';
export { GuestfsError } from './errors.js';
export type { GuestfsErrorCode } from './errors.js';
export * from './events.js';
export type { Progress } from './progress.js';
export type { EventIterator } from './queue.js';
export { estimateProgress, ProgressRate } from './rate.js';
export type { ProgressEstimate, RateOptions } from './rate.js';
export { throttle } from './throttle.js';
export type { ThrottleClock, ThrottleOptions } from './throttle.js';
