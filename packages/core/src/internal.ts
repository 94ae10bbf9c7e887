export { procedures } from './protocol/generated/procedures.js';
export { structs } from './protocol/generated/structs.js';
export { ByteReader, type ByteReaderHooks } from './protocol/operation/byte-reader.js';
export { OperationControl, type ProgressObserver } from './protocol/operation/control.js';
export type { StartDownload } from './protocol/operation/download.js';
export * from './protocol/wire/constants.js';
export { PING, pingFrame } from './protocol/wire/ping.js';
export { FrameDecoder, type FrameReceiver } from './protocol/wire/frames.js';
export { codecOf, type ProcedureCodec } from './protocol/wire/codec.js';
export { isMessage, readReplyHeader, SERIAL_OFFSET, type ReplyHeader } from './protocol/wire/header.js';
export { structDecoder } from './protocol/wire/results.js';
export { describeCancelled } from './protocol/connection/wait-watch.js';
export { describeArguments } from './protocol/connection/describe.js';
export { argumentTypes, explainArgument } from './protocol/xdr/argument-types.js';
export { holdDuring } from './protocol/keep-alive.js';
export { Reader } from './protocol/xdr/reader.js';
export { Writer } from './protocol/xdr/writer.js';
export { DirectBackend } from './appliance/direct-backend.js';
export { prepareFor } from './appliance/warm/build/prepare-for.js';
export type { Prepared } from './appliance/warm/build/prepare.js';
export { isNetwork, protocolRules } from './appliance/drives/protocols.js';
export { absolutePath, hostPath, realHostPath } from './appliance/drives/host-path.js';
export {
  environmentDefaults,
  parseBoolean,
  parseEnvironment,
  splitList,
  type Environment,
} from './appliance/config/environment.js';
export {
  SETTING_NAMES,
  settingProblem,
  SETTINGS,
  type SettingName,
  type SettingRule,
  type Settings,
  type SettingType,
} from './appliance/config/settings.js';
export { folderHint, type FolderRole } from './appliance/host/folder-roles.js';
export { checkSocketPath, makePrivateFolder, socketFolderFault } from './appliance/host/folders.js';
export { registerLive, type Live } from './appliance/process/live.js';
export { startWatcher, type Watcher } from './appliance/process/watcher.js';
export { findProgram, withPath } from './appliance/process/find-program.js';
export { logCommand, runCommand, type CommandOptions, type CommandResult } from './appliance/process/run.js';
export { booleanSetting } from './appliance/qemu/accelerator.js';
export { createDisk, imageInfo, type CreateDiskOptions, type ImageInfo } from './appliance/drives/qemu-img.js';
export { lastLines, Tail } from './appliance/process/tail.js';
export type { DriveConfig } from './appliance/config/config.js';
export { codeOf } from './appliance/host/system-error.js';
export { decodeText, encodeEscaped } from './protocol/xdr/text.js';
export { hostCpu } from './appliance/qemu/architecture.js';
export { cancelChunk, cancelWord, CHUNK_CANCELLED, CHUNK_END, readChunk } from './protocol/wire/chunks.js';
export { prepareAppliance, type Appliance } from './appliance/find/appliance.js';
export { searchAppliance, type ApplianceFiles, type FoundAppliance } from './appliance/find/search.js';
export { ConsolePhases } from './appliance/boot/console-phases.js';
export { checkDrives } from './appliance/drives/prepare.js';
export { checkDriveConfigs, checkDriveCount, makeDrive, MAXIMUM_DRIVES } from './appliance/drives/drive.js';
export type { DriveKind } from './appliance/drives/drive-file.js';
export { parseServer } from './appliance/drives/servers.js';
export { explainExit, explainTimeout } from './appliance/boot/failure.js';
export { withDeathSignal } from './appliance/process/death-signal.js';
export { diskName } from './appliance/drives/disk-name.js';
export { MachineMonitor } from './appliance/monitor/monitor.js';
export type { MachineEvent } from './appliance/monitor/events.js';
export { MachineHome } from './appliance/boot/home.js';
export { kernelArguments } from './appliance/boot/kernel-arguments.js';
export { startProcess, type StartedProcess } from './appliance/process/run.js';
export { machineTraits, type AcceleratorName, type HostCpu } from './appliance/qemu/architecture.js';
export { chooseForHost } from './appliance/qemu/choose.js';
export { chooseAccelerator, forcedAccelerator, machineAccelerator } from './appliance/qemu/accelerator.js';
export {
  builtInAccelerators,
  findQemu,
  findQemuNow,
  parseAccelerators,
  qemuVersion,
  type Qemu,
} from './appliance/qemu/find.js';
export { probeAccelerator } from './appliance/qemu/probe.js';
export { installHint } from './appliance/host/install-hint.js';
export { launchGivenUp, pause, unlessAborted } from './waiting/give-up.js';
export { orNull, within } from './waiting/within.js';
export { SingleFlight } from './waiting/single-flight.js';
export { withDrives, withinLaunchTimeout, type BoundContext } from './appliance/boot/launch-deadline.js';
