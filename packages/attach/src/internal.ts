export { readDomain, type Domain } from './domain/domain.js';
export { drivesOfDomain, type DomainDrivesOptions } from './domain/drives.js';
export { findDomain } from './domain/find.js';
export { channelOfDomain } from './domain/live.js';
export {
  CREDENTIAL_TYPES,
  LibvirtCredentials,
  type Authenticate,
  type CredentialRequest,
  type CredentialType,
} from './libvirt/credentials.js';
export { Virsh, type LibvirtOptions } from './libvirt/virsh.js';
export { machineXml, type LibvirtMachine } from './libvirt/machine-xml.js';
export { Player } from './replay/player.js';
export { readRecording, type Recording } from './replay/records.js';
export { greet, type GreetingOptions } from './unix/greeting.js';
export { BootLog, formatBootChart, type BootSpan } from './doctor/boot-chart.js';
