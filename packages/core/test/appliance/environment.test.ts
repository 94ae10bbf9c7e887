import { describe, expect, test } from '@jest/globals';
import { GuestfsError } from '../../src/protocol/errors.js';
import { environmentDefaults, parseBoolean, parseEnvironment } from '../../src/appliance/config/environment.js';

function failure(env: Record<string, string>): GuestfsError {
  try {
    parseEnvironment(env, 1000);
  } catch (error) {
    if (GuestfsError.is(error)) return error;
  }
  throw new Error('no GuestfsError was thrown');
}

describe('parseEnvironment', () => {
  test.each(['1', 'true', 'T', 'yes', 'Y', 'ON'])('takes %s for true', (word) => {
    expect(parseEnvironment({ LIBGUESTFS_DEBUG: word, LIBGUESTFS_TRACE: word }, 1000)).toEqual({
      verbose: true,
      trace: true,
    });
  });

  test.each(['0', 'false', 'f', 'NO', 'n', 'Off'])('takes %s for false', (word) => {
    expect(parseBoolean(word)).toBe(false);
  });

  test.each(['2', 'enable', ' 1', 'truee'])('refuses %j as a boolean and names variable and words', (word) => {
    const error = failure({ LIBGUESTFS_TRACE: word });
    expect(error.code).toBe('ERR_GUESTFS_ENVIRONMENT');
    expect(error.message).toContain(`LIBGUESTFS_TRACE=${word}`);
    expect(error.message).toContain('yes');
    expect(error.hint).toContain('unset LIBGUESTFS_TRACE');
  });

  test.each(['255', '0', '-1', 'abc', '512x', '1e9', '99999999999'])('refuses %j as a memory size', (word) => {
    const error = failure({ LIBGUESTFS_MEMSIZE: word });
    expect(error.code).toBe('ERR_GUESTFS_ENVIRONMENT');
    expect(error.message).toContain('256');
  });

  test('takes the least memory size', () => {
    expect(parseEnvironment({ LIBGUESTFS_MEMSIZE: '256' }, 1000).memsize).toBe(256);
  });

  test('counts empty variables as unset, but for APPEND and BACKEND_SETTINGS', () => {
    const names = [
      'DEBUG',
      'TRACE',
      'PATH',
      'HV',
      'MEMSIZE',
      'BACKEND',
      'TMPDIR',
      'CACHEDIR',
      'APPEND',
      'BACKEND_SETTINGS',
    ];
    const env = Object.fromEntries(names.map((name) => [`LIBGUESTFS_${name}`, '']));
    expect(parseEnvironment({ ...env, TMPDIR: '', XDG_RUNTIME_DIR: '' }, 1000)).toEqual({
      append: '',
      backendSettings: [],
    });
  });

  test('prefers the new names over the old', () => {
    const env = {
      LIBGUESTFS_HV: '/new',
      LIBGUESTFS_QEMU: '/old',
      LIBGUESTFS_BACKEND: 'direct',
      LIBGUESTFS_ATTACH_METHOD: 'libvirt',
    };
    expect(parseEnvironment(env, 1000)).toMatchObject({ hv: '/new', backend: 'direct' });
    expect(parseEnvironment({ LIBGUESTFS_QEMU: '/old', LIBGUESTFS_ATTACH_METHOD: 'appliance' }, 1000)).toMatchObject({
      hv: '/old',
      backend: 'direct',
    });
  });

  test.each(['qemu', 'unix:', 'libvirt:', 'Direct'])('refuses the backend %j', (backend) => {
    expect(failure({ LIBGUESTFS_BACKEND: backend }).message).toContain('unix:PATH');
  });

  test('reads whether templates may be used', () => {
    expect(parseEnvironment({ GUESTFS_WARM: '0' }, 1000)).toEqual({ warm: false });
    expect(parseEnvironment({ GUESTFS_WARM: 'yes' }, 1000)).toEqual({ warm: true });
    expect(parseEnvironment({ GUESTFS_WARM: '' }, 1000)).toEqual({});
    expect(failure({ GUESTFS_WARM: 'never' }).message).toContain('GUESTFS_WARM=never must be one of');
  });

  test('splits lists, and keeps an empty folder, which means the current one', () => {
    const env = { LIBGUESTFS_PATH: 'a::/b', LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg:gdb' };
    expect(parseEnvironment(env, 1000)).toEqual({ path: ['a', '', '/b'], backendSettings: ['force_tcg', 'gdb'] });
  });

  test('falls back to TMPDIR for both folders', () => {
    expect(environmentDefaults({ TMPDIR: '/t' }, 1000)).toMatchObject({
      tmpdir: '/t',
      cachedir: '/t',
      sockdir: '/tmp',
    });
    expect(environmentDefaults({ TMPDIR: '/t', LIBGUESTFS_CACHEDIR: '/c' }, 1000)).toMatchObject({
      tmpdir: '/t',
      cachedir: '/c',
    });
    expect(environmentDefaults({}, 1000)).toMatchObject({
      tmpdir: '/tmp',
      cachedir: '/var/tmp',
      memsize: 1280,
      backend: 'direct',
    });
  });

  test('keeps sockets of root out of XDG_RUNTIME_DIR', () => {
    expect(environmentDefaults({ XDG_RUNTIME_DIR: '/run/user/7' }, 0).sockdir).toBe('/tmp');
    expect(environmentDefaults({ XDG_RUNTIME_DIR: '/run/user/7' }, 7).sockdir).toBe('/run/user/7');
  });
});
