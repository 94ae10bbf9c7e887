export { procedures } from './generated/procedures.js';
export { structs } from './generated/structs.js';
export { retell } from './retell.js';
export { ByteReader, type ByteReaderHooks } from './operation/byte-reader.js';
export { OperationControl, type ProgressObserver } from './operation/control.js';
export type { StartDownload } from './operation/download.js';
export * from './protocol/constants.js';
export { FrameDecoder, type FrameReceiver } from './protocol/frames.js';
export { codecOf, type ProcedureCodec } from './protocol/codec.js';
export { readReplyHeader, type ReplyHeader } from './protocol/header.js';
export { structDecoder } from './protocol/results.js';
export { describeArguments } from './connection/describe.js';
export { Reader } from './xdr/reader.js';
export { Writer } from './xdr/writer.js';
export { DirectBackend } from './launch/direct-backend.js';
export { prepareFor } from './launch/warm/prepare-for.js';
export type { Prepared } from './launch/warm/prepare.js';
export { isNetwork } from './launch/drives/check.js';
export {
  DEFAULT_MEMSIZE,
  environmentDefaults,
  MINIMUM_MEMSIZE,
  parseBoolean,
  parseEnvironment,
  type Environment,
  type EnvironmentDefaults,
  type EnvironmentSettings,
} from './launch/environment.js';
export { checkSocketPath, makePrivateFolder } from './launch/folders.js';
export { registerLive, type LiveMachine } from './launch/process/live.js';
export { startWatcher, type Watcher } from './launch/process/watcher.js';
export { findProgram, logCommand, runCommand, type CommandOptions, type CommandResult } from './launch/process/run.js';
export { booleanSetting } from './launch/qemu/accelerator.js';
export { createDisk, imageInfo, type CreateDiskOptions, type ImageInfo } from './launch/qemu-img.js';
export { lastLines, Tail } from './launch/process/tail.js';
export type { DriveConfig } from './launch/config.js';
export { codeOf } from './launch/system-error.js';
export { decodeText, encodeEscaped } from './xdr/text.js';
export { hostCpu } from './launch/qemu/architecture.js';
export { CHUNK_CANCELLED, CHUNK_END, readChunk } from './protocol/chunks.js';
export { prepareAppliance, type Appliance } from './launch/appliance/appliance.js';
export { searchAppliance, type ApplianceFiles, type FoundAppliance } from './launch/appliance/search.js';
export { ConsolePhases } from './launch/console-phases.js';
export { checkDrives } from './launch/drives/prepare.js';
export { checkDriveWords, MAXIMUM_DRIVES, type DriveKind } from './launch/drives/check.js';
export { parseServer } from './launch/drives/servers.js';
export { explainExit, explainTimeout } from './launch/failure.js';
export { MachineHome } from './launch/home.js';
export { kernelArguments } from './launch/kernel-arguments.js';
export { startProcess, type StartedProcess } from './launch/process/run.js';
export { machineTraits, type AcceleratorName, type HostCpu } from './launch/qemu/architecture.js';
export { chooseForHost } from './launch/qemu/choose.js';
export { chooseAccelerator, forcedAccelerator, machineAccelerator } from './launch/qemu/accelerator.js';
export { builtInAccelerators, findQemu, parseAccelerators, qemuVersion, type Qemu } from './launch/qemu/find.js';
export { probeAccelerator } from './launch/qemu/probe.js';
export { installHint } from './launch/install-hint.js';
