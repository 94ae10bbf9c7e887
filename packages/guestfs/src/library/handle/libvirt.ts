import type { Handle } from '../../handle/handle.js';

export const setLibvirtSupportedCredentials = ({ credentials }: Handle, creds: readonly string[]): void =>
  credentials.setSupported(creds);

export const getLibvirtRequestedCredentials = ({ credentials }: Handle): string[] => credentials.requested();

export const getLibvirtRequestedCredentialPrompt = ({ credentials }: Handle, index: number): string =>
  credentials.prompt(index);

export const getLibvirtRequestedCredentialChallenge = ({ credentials }: Handle, index: number): string =>
  credentials.challenge(index);

export const getLibvirtRequestedCredentialDefresult = ({ credentials }: Handle, index: number): string =>
  credentials.defresult(index);

export const setLibvirtRequestedCredential = (
  { credentials }: Handle,
  index: number,
  cred: Uint8Array | string,
): void => credentials.answer(index, typeof cred === 'string' ? Buffer.from(cred) : cred);
