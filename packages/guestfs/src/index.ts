export { DownloadOperation, GuestfsError, Operation } from '@guestfs/core';
export type * from '@guestfs/core';
export {
  estimateProgress,
  eventToString,
  forwardEvents,
  GUESTFS_EVENT,
  ProgressRate,
  readEvents,
  receiveEvents,
  recordEvents,
  throttle,
} from '@guestfs/events';
export type * from '@guestfs/events';
export type { RecordOptions as RecordEventsOptions } from '@guestfs/events';
export type { FileSource } from './files/sources.js';
export type { FileTarget } from './files/targets.js';
export type * from './fs/index.js';
export type * from './generated/options.js';
export { Guestfs } from './guestfs.js';
export type { DriveOptions, GuestfsOptions, OpenOptions } from './options.js';
export { diagnose, formatDiagnosis, makeFixedAppliance } from '@guestfs/attach';
export type {
  CheckId,
  CheckResult,
  CheckStatus,
  DiagnoseOptions,
  DiagnosisSubject,
  FixedAppliance,
  FixedApplianceOptions,
} from '@guestfs/attach';
export { recordSession, type SessionRecording } from './record.js';
export type { RecordingSummary, RecordOptions } from '@guestfs/attach';
export { GuestfsPool, type AcquireOptions, type GuestfsPoolOptions } from './pool.js';
export { prepareAppliance, type PreparedAppliance } from './prepare-appliance.js';
export { VERSION } from './version.js';
