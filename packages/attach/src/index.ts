export { directBackend } from './appliance.js';
export { unixBackend, type AttachOptions } from './unix.js';
export { recordingBackend, type RecordingSummary, type RecordOptions } from './record.js';
export { replayBackend } from './replay.js';
export { libvirtBackend, type LibvirtBackendOptions } from './libvirt.js';
export { makeFixedAppliance, type FixedAppliance, type FixedApplianceOptions } from './fixed-appliance.js';
export { diagnose, formatDiagnosis, type DiagnoseOptions } from './doctor/diagnose.js';
export type { CheckId, CheckResult, CheckStatus, DiagnosisSubject } from './doctor/check.js';
export type { FileFacts, Probes } from './doctor/probes.js';
