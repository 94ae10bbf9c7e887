export * from './protocol/errors.js';
export { Connection } from './protocol/connection/connection.js';
export type { ByteFiller } from './protocol/transfer/byte-filler.js';
export type {
  ConnectionCallOptions,
  ConnectionEnd,
  ConnectionOptions,
  ConnectionTap,
} from './protocol/connection/options.js';
export type { UploadSource } from './protocol/transfer/upload.js';
export type { CallOptions } from './protocol/operation/control.js';
export type * from './protocol/generated/structs.js';
export type { Backend, Session, SessionEnd } from './appliance/config/backend.js';
export {
  LAUNCH_PHASES,
  type DriveConfig,
  type LaunchConfig,
  type LaunchContext,
  type LaunchPhase,
} from './appliance/config/config.js';
export { DownloadOperation, type Sink } from './protocol/operation/download.js';
export { Operation } from './protocol/operation/operation.js';
export type { ProgressIterator, ProgressOptions } from './protocol/operation/progress-iterator.js';
export type { RunControl, RunProgress } from './protocol/operation/run.js';
export type { OptionalArguments, SecretRange } from './protocol/wire/codec.js';
export type {
  Procedure,
  StructDescriptor,
  StructFieldType,
  WireField,
  WireReturn,
  WireType,
} from './protocol/wire/descriptors.js';
export type { Transport, TransportReceiver } from './protocol/transport/contract.js';
export { memoryTransports, type MemoryTransport } from './protocol/transport/memory.js';
export { SocketTransport } from './protocol/transport/socket.js';
export { connectUnix, type ConnectUnixOptions } from './protocol/transport/unix.js';
