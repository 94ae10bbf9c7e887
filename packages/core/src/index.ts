export * from './protocol/errors.js';
export type * from './protocol/generated/structs.js';
export {
  Connection,
  DownloadOperation,
  Operation,
  SocketTransport,
  connectUnix,
  memoryTransports,
} from './protocol/index.js';
export type {
  ByteFiller,
  CallOptions,
  ConnectUnixOptions,
  ConnectionCallOptions,
  ConnectionEnd,
  ConnectionOptions,
  ConnectionTap,
  MemoryTransport,
  OptionalArguments,
  Procedure,
  ProgressIterator,
  ProgressOptions,
  RunControl,
  RunProgress,
  SecretRange,
  Sink,
  StructDescriptor,
  StructFieldType,
  Transport,
  TransportReceiver,
  UploadSource,
  WireField,
  WireReturn,
  WireType,
} from './protocol/index.js';
export { LAUNCH_PHASES } from './appliance/index.js';
export type {
  Backend,
  DriveConfig,
  LaunchConfig,
  LaunchContext,
  LaunchPhase,
  Session,
  SessionEnd,
} from './appliance/index.js';
