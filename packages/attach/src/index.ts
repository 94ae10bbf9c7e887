export { directBackend } from './appliance.js';
export { unixBackend, type AttachOptions } from './unix.js';
