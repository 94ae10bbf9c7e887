import { describe, expect, test } from '@jest/globals';
import { formatAuthFile } from '../../src/libvirt/auth-file.js';
import { LibvirtCredentials, type CredentialRequest } from '../../src/libvirt/credentials.js';
import { isAuthenticationFailure, readPrompts } from '../../src/libvirt/prompts.js';

const request = (type: CredentialRequest['type'], prompt = ''): CredentialRequest => ({
  type,
  prompt,
  challenge: '',
  defresult: '',
});
const asked = [
  request('username', 'Enter username for h'),
  request('passphrase', 'Enter password for h'),
  request('realm'),
];

describe('LibvirtCredentials', () => {
  test('asks only for what is supported, and only while the event is handled', () => {
    const credentials = new LibvirtCredentials();
    credentials.setSupported(['username', 'passphrase']);
    const answers = credentials.ask(asked, () => {
      expect(credentials.requested()).toEqual(['username', 'passphrase']);
      expect(credentials.prompt(1)).toBe('Enter password for h');
      expect([credentials.challenge(0), credentials.defresult(0)]).toEqual(['', '']);
      credentials.answer(0, Buffer.from('bob'));
      credentials.answer(1, Buffer.from('pä ss'));
      expect(() => credentials.answer(2, Buffer.from('x'))).toThrow(
        expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT' }),
      );
      expect(() => credentials.prompt(-1)).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT' }));
    });
    expect(answers?.get('passphrase')?.toString()).toBe('pä ss');
    for (const use of [
      () => credentials.requested(),
      () => credentials.prompt(0),
      () => credentials.answer(0, Buffer.from('x')),
    ]) {
      expect(use).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_STATE' }));
    }
  });

  test('does not ask when nothing is supported, and forgets after a handler that throws', () => {
    const credentials = new LibvirtCredentials();
    expect(credentials.ask(asked, () => expect(true).toBe(false))).toBeNull();
    credentials.setSupported(['realm']);
    expect(() =>
      credentials.ask(asked, () => {
        throw new Error('handler');
      }),
    ).toThrow('handler');
    expect(() => credentials.requested()).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_STATE' }));
  });

  test('refuses unknown types and changes nothing then', () => {
    const credentials = new LibvirtCredentials();
    credentials.setSupported(['username']);
    expect(() => credentials.setSupported(['passphrase', 'fingerprint'])).toThrow(
      expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT' }),
    );
    expect(credentials.supported).toEqual(['username']);
  });

  test.each(['a\nb', 'a\0', ' a', 'a ', 'a\x7f'])(
    'refuses the answer %j, which libvirt would read as something else',
    (answer) => {
      const credentials = new LibvirtCredentials();
      credentials.setSupported(['passphrase']);
      credentials.ask(asked, () => {
        expect(() => credentials.answer(0, Buffer.from(answer))).toThrow(
          expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT' }),
        );
      });
      expect.assertions(1);
    },
  );
});

test('prompts of the test driver and of SASL are understood', () => {
  expect(
    readPrompts("Enter username for localhost: Enter 's password for localhost: error: x").map(({ type }) => type),
  ).toEqual(['username', 'passphrase']);
  expect(
    readPrompts('Please enter your authentication name: Please enter your password: ').map(({ type }) => type),
  ).toEqual(['authname', 'passphrase']);
  expect(readPrompts('').map(({ type }) => type)).toEqual(['username', 'authname', 'passphrase']);
});

test('a refusal for want of credentials is told from others', () => {
  expect(isAuthenticationFailure('error: authentication failed: authentication failed, see test XML')).toBe(true);
  expect(
    isAuthenticationFailure('error: authentication unavailable: no polkit agent available to authenticate action'),
  ).toBe(false);
  expect(
    isAuthenticationFailure(
      "error: Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory",
    ),
  ).toBe(false);
});

test('the auth file holds each answer once, as bytes', () => {
  const text = formatAuthFile(
    new Map([
      ['username', Buffer.from('bob')],
      ['passphrase', Buffer.from([0xe9])],
    ]),
  ).toString('latin1');
  expect(text).toMatch(/^\[credentials-given\]\nusername=bob\npassword=\xe9\n/);
  expect(text).toContain('[auth-libvirt-default]\ncredentials=given\n');
});
