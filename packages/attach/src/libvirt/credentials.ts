import { GuestfsError } from '@guestfs/core';

/** What libvirt may ask for, in its own words. */
export const CREDENTIAL_TYPES = [
  'username',
  'authname',
  'language',
  'cnonce',
  'passphrase',
  'echoprompt',
  'noechoprompt',
  'realm',
  'external',
] as const;
export type CredentialType = (typeof CREDENTIAL_TYPES)[number];

/** One thing that libvirt asks for. */
export interface CredentialRequest {
  readonly type: CredentialType;
  readonly prompt: string;
  readonly challenge: string;
  readonly defresult: string;
}

/** The answers, by type; what was not answered is left out. */
export type CredentialAnswers = ReadonlyMap<CredentialType, Buffer>;

/** Answers libvirt's questions for a URI; null when nobody can. */
export type Authenticate = (uri: string, requests: readonly CredentialRequest[]) => CredentialAnswers | null;

/**
 * The credential calls of a handle.
 *
 * `setSupported` says what the program can answer. While libvirt asks, a libvirt_auth event is sent, and only its
 * handlers may look at the questions and answer them.
 */
export class LibvirtCredentials {
  #supported: readonly CredentialType[] = [];
  #requests: readonly CredentialRequest[] | null = null;
  #answers = new Map<CredentialType, Buffer>();

  /** Throws `ERR_GUESTFS_ARGUMENT` for an unknown type and then changes nothing. */
  setSupported(types: readonly string[]): void {
    const unknown = types.find((type) => !CREDENTIAL_TYPES.includes(type as CredentialType));
    if (unknown !== undefined) {
      throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `${JSON.stringify(unknown)} is no type of credential`, {
        hint: `use some of ${CREDENTIAL_TYPES.join(', ')}`,
      });
    }
    this.#supported = types as readonly CredentialType[];
  }

  get supported(): readonly CredentialType[] {
    return this.#supported;
  }

  /** Sends the event by `emit`, whose listeners answer before it returns. Null when no question is of a supported type. */
  ask(requests: readonly CredentialRequest[], emit: () => void): CredentialAnswers | null {
    const answerable = requests.filter(({ type }) => this.#supported.includes(type));
    if (answerable.length === 0) return null;
    this.#requests = answerable;
    this.#answers = new Map();
    try {
      emit();
      return this.#answers;
    } finally {
      this.#requests = null;
      this.#answers = new Map();
    }
  }

  requested(): CredentialType[] {
    return this.#pending().map(({ type }) => type);
  }

  prompt(index: number): string {
    return this.#at(index).prompt;
  }

  challenge(index: number): string {
    return this.#at(index).challenge;
  }

  defresult(index: number): string {
    return this.#at(index).defresult;
  }

  /** Refuses control characters: libvirt takes answers from a file with a line for each. */
  answer(index: number, value: Uint8Array): void {
    const { type } = this.#at(index);
    const bytes = Buffer.from(value);
    const text = bytes.toString('latin1');
    // eslint-disable-next-line no-control-regex -- these are what is refused
    if (/[\u0000-\u001f\u007f]/.test(text) || text !== text.trim()) {
      throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `the ${type} has control characters, or blanks at an end`, {
        hint: 'libvirt reads credentials from a file with one line for each and trims it',
      });
    }
    this.#answers.set(type, bytes);
  }

  #pending(): readonly CredentialRequest[] {
    if (this.#requests !== null) return this.#requests;
    throw new GuestfsError('ERR_GUESTFS_STATE', 'libvirt asks for no credentials now', {
      hint: 'use the credential calls only inside a handler of the libvirtAuth event, before its first await',
    });
  }

  #at(index: number): CredentialRequest {
    const requests = this.#pending();
    const request = requests[index];
    if (request !== undefined) return request;
    throw new GuestfsError(
      'ERR_GUESTFS_ARGUMENT',
      `there is no credential ${index}; libvirt asks for ${requests.length}`,
    );
  }
}
