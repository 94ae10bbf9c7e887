export { Connection } from './connection/connection.js';
export { describeArguments } from './calls/describe.js';
export type { ConnectionCallOptions, ConnectionEnd, ConnectionOptions, ConnectionTap } from './connection/options.js';
export { describeCancelled } from './connection/wait-watch.js';
export * from './errors.js';
export { procedures } from './generated/procedures.js';
export type * from './generated/structs.js';
export { structs } from './generated/structs.js';
export { holdDuring } from './keep-alive.js';
export type { CallOptions } from './operation/control.js';
export { DownloadOperation, type Sink } from './operation/download.js';
export { Operation } from './operation/operation.js';
export type { ProgressIterator, ProgressOptions } from './operation/progress-iterator.js';
export type { RunControl, RunProgress } from './operation/run.js';
export type { ByteFiller } from './transfer/byte-filler.js';
export type { UploadSource } from './transfer/upload.js';
export type { Transport, TransportReceiver } from './transport/contract.js';
export { type MemoryTransport, memoryTransports } from './transport/memory.js';
export { SocketTransport } from './transport/socket.js';
export { type ConnectUnixOptions, connectUnix } from './transport/unix.js';
export { CHUNK_CANCELLED, CHUNK_END, cancelChunk, cancelWord, readChunk } from './wire/chunks.js';
export { type OptionalArguments, type SecretRange, codecOf } from './wire/codec.js';
export {
  CANCEL_FLAG,
  CHUNK_MAX,
  DIRECTION_REPLY,
  HEADER_OFFSET,
  HEADER_SIZE,
  LAUNCH_FLAG,
  LENGTH_SIZE,
  PROGRAM,
  PROGRESS_FLAG,
  PROGRESS_OFFSET,
  PROGRESS_SIZE,
  PROTOCOL_VERSION,
  STATUS_ERROR,
} from './wire/constants.js';
export type {
  Procedure,
  StructDescriptor,
  StructFieldType,
  WireField,
  WireReturn,
  WireType,
} from './wire/descriptors.js';
export { FrameDecoder, type FrameReceiver } from './wire/frames.js';
export { SERIAL_OFFSET, isMessage } from './wire/header.js';
export { PING, pingFrame } from './wire/ping.js';
export { structDecoder } from './wire/results.js';
export { argumentTypes, explainArgument } from './xdr/argument-types.js';
export { Reader } from './xdr/reader.js';
export { decodeText, encodeEscaped } from './xdr/text.js';
export { Writer } from './xdr/writer.js';
