export { createEvent } from './create.js';
export * from './events.js';
export * from './progress.js';
