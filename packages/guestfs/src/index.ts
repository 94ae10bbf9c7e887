export { DownloadOperation, GuestfsError, Operation } from '@guestfs/core';
export type {
  CallOptions,
  FailedCall,
  GuestfsErrorCode,
  GuestfsErrorFields,
  ProgressIterator,
  ProgressOptions,
  RunControl,
  RunProgress,
} from '@guestfs/core';
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
export type {
  ApplianceEvent,
  ByteSource,
  ByteStreamLike,
  CloseEvent,
  EnterEvent,
  EventCallback,
  EventIterator,
  EventListener,
  EventName,
  EventPort,
  EventsMethod,
  GuestfsEventSource,
  EventsOptions,
  Forwarding,
  ForwardOptions,
  GuestfsEvent,
  GuestfsEvents,
  IpcLike,
  LaunchDoneEvent,
  LibraryEvent,
  LibvirtAuthEvent,
  MessagePortLike,
  Progress,
  ProgressEstimate,
  ProgressEvent,
  RateOptions,
  ReceiveOptions,
  RecordedEvents,
  EventRecording,
  RecordingInput,
  RecordEventsOptions,
  SubprocessQuitEvent,
  ThrottleClock,
  ThrottleOptions,
  TraceEvent,
  WarningEvent,
  WebSocketLike,
} from '@guestfs/events';
export { diagnose, formatDiagnosis, makeFixedAppliance } from '@guestfs/attach';
export type {
  CheckId,
  CheckResult,
  CheckStatus,
  DiagnoseOptions,
  DiagnosisSubject,
  FixedAppliance,
  FixedApplianceOptions,
  RecordingSummary,
  RecordOptions,
} from '@guestfs/attach';
export type { FileSource } from './files/sources.js';
export type { FileTarget } from './files/targets.js';
export type {
  CpOptions,
  FileContent,
  GuestBigIntStats,
  GuestDir,
  GuestDirent,
  GuestFileHandle,
  GuestFs,
  GuestFsPromises,
  GuestReadStream,
  GuestStats,
  GuestWriteStream,
  NameEncoding,
  PathLike,
  ReadFileOptions,
  ReadStreamOptions,
  TimeLike,
  WriteFileOptions,
  WriteStreamOptions,
} from './fs/index.js';
export type * from './generated/options.js';
export type * from './generated/structs.js';
export { Guestfs } from './guestfs.js';
export type { DriveOptions, GuestfsOptions, OpenOptions } from './options.js';
export { GuestfsPool, type AcquireOptions, type GuestfsPoolOptions } from './pool.js';
export { prepareAppliance, type PreparedAppliance } from './prepare-appliance.js';
export { recordSession, type SessionRecording } from './record.js';
export { VERSION } from './version.js';
