export * from './errors.js';
export { Connection } from './connection/connection.js';
export type { ByteFiller } from './connection/byte-filler.js';
export type { ConnectionCallOptions, ConnectionEnd, ConnectionOptions, ConnectionTap } from './connection/options.js';
export type { UploadSource } from './connection/upload.js';
export type { CallOptions } from './operation/control.js';
export type * from './generated/structs.js';
export type { Backend, Session, SessionEnd } from './launch/backend.js';
export {
  LAUNCH_PHASES,
  type DriveConfig,
  type LaunchConfig,
  type LaunchContext,
  type LaunchPhase,
} from './launch/config.js';
export { DownloadOperation, type Sink } from './operation/download.js';
export { Operation } from './operation/operation.js';
export type { ProgressIterator, ProgressOptions } from './operation/progress-iterator.js';
export type { RunControl, RunProgress } from './operation/run.js';
export type { OptionalArguments, SecretRange } from './protocol/codec.js';
export type {
  Procedure,
  StructDescriptor,
  StructFieldType,
  WireField,
  WireReturn,
  WireType,
} from './protocol/descriptors.js';
export type { Transport, TransportReceiver } from './transport/contract.js';
export { memoryTransports, type MemoryTransport } from './transport/memory.js';
export { SocketTransport } from './transport/socket.js';
export { connectUnix, SOCKET_MARK, type ConnectUnixOptions } from './transport/unix.js';
