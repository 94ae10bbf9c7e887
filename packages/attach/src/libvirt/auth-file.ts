import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateFolder } from '@guestfs/core/appliance';
import type { CredentialAnswers, CredentialType } from './credentials.js';

/** The services by which libvirt's drivers look credentials up; the daemon's own is `libvirt`. */
const SERVICES = ['libvirt', 'test', 'esx', 'hyperv', 'xen', 'vbox', 'ssh'];

const KEYS: Partial<Record<CredentialType, string>> = {
  username: 'username',
  authname: 'authname',
  passphrase: 'password',
  realm: 'realm',
};

/** The answers in the form of libvirt's auth.conf. */
export function formatAuthFile(answers: CredentialAnswers): Buffer {
  const lines = [...answers].flatMap(([type, value]) => {
    const key = KEYS[type];
    return key === undefined ? [] : [Buffer.from(`${key}=`), value, Buffer.from('\n')];
  });
  const services = SERVICES.map((service) => `\n[auth-${service}-default]\ncredentials=given\n`).join('');
  return Buffer.concat([Buffer.from('[credentials-given]\n'), ...lines, Buffer.from(services)]);
}

/** Runs `work` with the path of a file, readable by this user alone, that holds the answers only meanwhile. */
export async function withAuthFile<T>(
  folder: string,
  answers: CredentialAnswers,
  work: (file: string) => Promise<T>,
): Promise<T> {
  const own = makePrivateFolder(folder, 'the answers to libvirt');
  try {
    const file = join(own, 'auth.conf');
    await writeFile(file, formatAuthFile(answers), { mode: 0o600, flag: 'wx' });
    return await work(file);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
