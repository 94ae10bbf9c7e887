export { launchGivenUp, pause, unlessAborted } from '../waiting/give-up.js';
export { SingleFlight } from '../waiting/single-flight.js';
export { orNull, within } from '../waiting/within.js';
export { ConsolePhases } from './boot/console-phases.js';
export { explainExit, explainTimeout } from './boot/failure.js';
export { MachineHome } from './boot/home.js';
export { kernelArguments } from './boot/kernel-arguments.js';
export { type BoundContext, withDrives, withinLaunchTimeout } from './boot/launch-deadline.js';
export type { Backend, Session, SessionEnd } from './config/backend.js';
export {
  type DriveConfig,
  LAUNCH_PHASES,
  type LaunchConfig,
  type LaunchContext,
  type LaunchPhase,
} from './config/config.js';
export { type Environment, environmentDefaults, parseEnvironment, splitList } from './config/environment.js';
export {
  SETTINGS,
  SETTING_NAMES,
  type SettingName,
  type SettingRule,
  type SettingType,
  type Settings,
  settingProblem,
} from './config/settings.js';
export { DirectBackend } from './direct-backend.js';
export { diskName } from './drives/disk-name.js';
export type { DriveKind } from './drives/drive-file.js';
export { MAXIMUM_DRIVES, checkDriveConfigs, checkDriveCount, makeDrive } from './drives/drive.js';
export { absolutePath, realHostPath } from './drives/host-path.js';
export { checkDrives } from './drives/prepare.js';
export { isNetwork, protocolRules } from './drives/protocols.js';
export { type CreateDiskOptions, type ImageInfo, createDisk, imageInfo } from './drives/qemu-img.js';
export { parseServer } from './drives/servers.js';
export { prepareAppliance } from './find/appliance.js';
export { type FoundAppliance, searchAppliance } from './find/search.js';
export { type FolderRole, folderHint } from './host/folder-roles.js';
export { checkSocketPath, makePrivateFolder, socketFolderFault } from './host/folders.js';
export { installHint } from './host/install-hint.js';
export { codeOf } from './host/system-error.js';
export type { MachineEvent } from './monitor/events.js';
export { MachineMonitor } from './monitor/monitor.js';
export { withDeathSignal } from './process/death-signal.js';
export { findProgram, withPath } from './process/find-program.js';
export { registerLive } from './process/live.js';
export { type CommandResult, type StartedProcess, logCommand, runCommand, startProcess } from './process/run.js';
export { Tail, lastLines } from './process/tail.js';
export { type Watcher, startWatcher } from './process/watcher.js';
export { booleanSetting, machineAccelerator } from './qemu/accelerator.js';
export { type AcceleratorName, type HostCpu, hostCpu, machineTraits } from './qemu/architecture.js';
export { chooseForHost } from './qemu/choose.js';
export { findQemu, findQemuNow, parseAccelerators } from './qemu/find.js';
export { probeAccelerator } from './qemu/probe.js';
export { prepareFor } from './warm/build/prepare-for.js';
