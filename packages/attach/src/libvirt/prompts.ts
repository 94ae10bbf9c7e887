import type { CredentialRequest, CredentialType } from './credentials.js';

/** What virsh prints where it would ask a person, and what that stands for. Libvirt's messages are asked for in English. */
const QUESTIONS: readonly (readonly [RegExp, CredentialType])[] = [
  [/authentication name/i, 'authname'],
  [/user ?name/i, 'username'],
  [/password|passphrase/i, 'passphrase'],
  [/realm/i, 'realm'],
];

const DENIED =
  /authentication (?:failed|required|unavailable|cancelled)|no (?:suitable|agent).*auth|failed to (?:request|collect|get).*(?:auth|credential|password|username)/i;

/** Whether libvirt refused for want of a name and a password; polkit asks for rights, which no password of ours gives. */
export function isAuthenticationFailure(output: string): boolean {
  return DENIED.test(output) && !/polkit/i.test(output);
}

/**
 * The questions that a virsh without a terminal printed and got no answer to.
 *
 * An empty answer to the first ends some of libvirt's ways before the second comes: a name always goes with a password.
 */
export function readPrompts(output: string): CredentialRequest[] {
  const found = new Map<CredentialType, CredentialRequest>();
  for (const [, prompt = ''] of output.matchAll(/((?:Enter|Please enter) [^:\n]+):/g)) {
    const type = QUESTIONS.find(([pattern]) => pattern.test(prompt))?.[1];
    if (type !== undefined && !found.has(type)) found.set(type, request(type, prompt));
  }
  if (!found.has('username') && !found.has('authname')) {
    found.set('username', request('username', 'user name'));
    found.set('authname', request('authname', 'authentication name'));
  }
  if (!found.has('passphrase')) found.set('passphrase', request('passphrase', 'password'));
  return [...found.values()];
}

function request(type: CredentialType, prompt: string): CredentialRequest {
  return { type, prompt, challenge: '', defresult: '' };
}
