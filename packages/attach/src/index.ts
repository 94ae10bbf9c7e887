export { directBackend } from './appliance.js';
export { unixBackend, type AttachOptions } from './unix.js';
export { recordingBackend, type RecordingSummary, type RecordOptions } from './record.js';
export { replayBackend } from './replay.js';
export { libvirtBackend, type LibvirtBackendOptions } from './libvirt.js';
