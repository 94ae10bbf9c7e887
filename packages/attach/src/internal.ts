export { readDomain, type Domain } from './domain/domain.js';
export { drivesOfDomain, type DomainDrivesOptions } from './domain/drives.js';
export { findDomain } from './domain/find.js';
export { channelOfDomain } from './domain/live.js';
export { CREDENTIAL_TYPES, LibvirtCredentials, type Authenticate, type CredentialRequest, type CredentialType } from './libvirt/credentials.js';
export { Virsh, type LibvirtOptions } from './libvirt/virsh.js';
