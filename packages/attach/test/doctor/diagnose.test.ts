import { describe, expect, test } from '@jest/globals';
import { diagnose, formatDiagnosis, type CheckId, type FileFacts, type Probes } from '../../src/index.js';
import type { DiagnosisSubject } from '../../src/doctor/check.js';

const there: FileFacts = { error: null, readable: true, writable: true, folder: false, uid: 1000 };
const absent: FileFacts = { error: 'ENOENT', readable: false, writable: false, folder: false, uid: -1 };
const folder: FileFacts = { ...there, folder: true };

const subject: DiagnosisSubject = {
  path: ['/usr/lib/guestfs'],
  tmpdir: '/tmp',
  cachedir: '/var/tmp',
  sockdir: '/run/user/1000',
  backend: 'direct',
  backendSettings: [],
};

/** What qemu 7.2 of Debian, 8.2 of Homebrew and 9.0 for Windows answer. */
const ANSWERS: Record<string, string> = {
  '-version': 'QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright (c) 2003-2022 Fabrice Bellard\n',
  linux: 'Accelerators supported in QEMU binary:\ntcg\nkvm\n',
  darwin: 'Accelerators supported in QEMU binary:\nhvf\ntcg\n',
  win32: 'Accelerators supported in QEMU binary:\r\ntcg\r\nwhpx\r\n',
};

/** A machine on which all is well, with changes. */
function machine(changes: Partial<Probes> = {}): Probes {
  const platform = changes.platform ?? 'linux';
  return {
    platform,
    cpu: 'x86_64',
    uid: 1000,
    env: {},
    findProgram: async (name) => (name.startsWith('/') ? null : `/usr/bin/${name}`),
    run: async (file, args) => {
      if (file.endsWith('supermin')) return { failure: null, output: 'supermin 5.2.2\n' };
      return { failure: null, output: args[0] === '-accel' ? (ANSWERS[platform] ?? '') : (ANSWERS['-version'] ?? '') };
    },
    socketFolderFault: () => null,
    file: async (path) => (path.includes('.guestfs-') ? absent : /^\/(tmp|var\/tmp|run)/.test(path) ? folder : there),
    openDevice: async () => 'ok',
    names: async () => ['vmlinuz-6.1.0-1', 'vmlinuz-6.1.0-2', 'config-6.1.0-2'],
    freeSpace: async () => 10n ** 10n,
    searchAppliance: async ([place = '']) => ({ kind: 'supermin', folder: place }),
    tryAccelerator: async () => ({ works: true, reason: '' }),
    ...changes,
  };
}

async function check(id: CheckId, changes: Partial<Probes> = {}, about: Partial<DiagnosisSubject> = {}) {
  const [result] = await diagnose({ checks: [id], probes: machine(changes), subject: { ...subject, ...about } });
  return result!;
}

const none = async (): Promise<null> => null;
const fixed = async () => ({
  kind: 'ready' as const,
  folder: '/a',
  files: { kernel: '/a/kernel', initrd: '/a/initrd', root: '/a/root' },
});

describe('diagnose', () => {
  test('a machine on which all is well', async () => {
    const results = await diagnose({ probes: machine(), subject });
    expect(results.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(formatDiagnosis(results).split('\n')).toHaveLength(results.length);
  });

  test('a machine with nothing names everything, and how to mend it', async () => {
    const results = await diagnose({
      probes: machine({
        findProgram: none,
        searchAppliance: none,
        names: async () => [],
        openDevice: async () => 'ENOENT',
      }),
      subject,
    });
    const failed = results.filter(({ status }) => status === 'failed').map(({ id }) => id);
    expect(failed).toEqual(['qemu', 'appliance', 'supermin', 'kernel']);
    for (const { status, mend } of results)
      expect(mend !== undefined).toBe(status === 'failed' || status === 'warning');
    expect(formatDiagnosis(results)).toContain('→ install it: sudo apt install qemu-system');
  });

  test('a check that itself fails is a result, not an exception', async () => {
    const boom = async (): Promise<never> => {
      throw new Error('boom');
    };
    expect(await check('qemu', { findProgram: boom })).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('boom'),
    });
  });
});

describe('the checks', () => {
  test('qemu: the chosen one', async () => {
    expect(await check('qemu', {}, { hv: '/opt/qemu' })).toMatchObject({
      status: 'failed',
      mend: expect.stringContaining('LIBGUESTFS_HV'),
    });
    expect(await check('qemu', {}, { hv: 'my-qemu' })).toMatchObject({ status: 'ok', found: '/usr/bin/my-qemu' });
  });

  test.each([
    ['QEMU emulator version 4.2.1 (Debian)', 'failed', '4.2.1'],
    ['QEMU emulator version 5.0.0', 'ok', '5.0.0'],
    ['QEMU emulator version 10.1.0-rc2', 'ok', '10.1.0-rc2'],
    ['Illegal instruction', 'failed', 'does not tell its version'],
  ])('qemu-version: %s', async (output, status, found) => {
    expect(await check('qemu-version', { run: async () => ({ failure: null, output }) })).toMatchObject({
      status,
      found: expect.stringContaining(found),
    });
  });

  test('kvm: rights, absence, another platform, force_tcg', async () => {
    expect(await check('kvm', { openDevice: async () => 'EACCES' })).toMatchObject({
      status: 'failed',
      mend: expect.stringContaining('usermod -aG kvm'),
    });
    expect(await check('kvm', { openDevice: async () => 'ENOENT' })).toMatchObject({ status: 'warning' });
    expect(await check('kvm', { platform: 'darwin' })).toMatchObject({ status: 'skipped' });
    expect(
      await check('kvm', { openDevice: async () => 'EACCES' }, { backendSettings: ['force_tcg=1'] }),
    ).toMatchObject({ status: 'skipped' });
  });

  test('accelerators: a KVM that is there but does not work', async () => {
    const tryAccelerator: Probes['tryAccelerator'] = async () => ({
      works: false,
      reason: 'qemu was killed by SIGABRT:\nfailed to set MSR 0x10a',
    });
    expect(await check('accelerators', { tryAccelerator })).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('failed to set MSR'),
      mend: expect.stringContaining('force_tcg'),
    });
    expect(await check('accelerators', { tryAccelerator }, { backendSettings: ['force_tcg'] })).toMatchObject({
      status: 'ok',
    });
  });

  test.each([
    ['linux', 'kvm'],
    ['darwin', 'hvf'],
    ['win32', 'whpx'],
  ] as const)('accelerators: on %s it is %s, by what qemu answers there', async (platform, name) => {
    const tried: string[] = [];
    const tryAccelerator: Probes['tryAccelerator'] = async (_qemu, _kernel, accelerator) => {
      tried.push(accelerator);
      return { works: true, reason: '' };
    };
    expect(await check('accelerators', { platform, tryAccelerator, searchAppliance: fixed })).toMatchObject({
      status: 'ok',
      found: expect.stringContaining(`${name} runs a kernel`),
    });
    expect(tried).toEqual([name]);
  });

  test('accelerators: a qemu without the platform’s own', async () => {
    expect(
      await check('accelerators', {
        run: async () => ({ failure: null, output: 'Accelerators supported in QEMU binary:\ntcg\n' }),
      }),
    ).toMatchObject({ status: 'warning', found: expect.stringContaining('without kvm') });
    expect(
      await check('accelerators', {
        platform: 'freebsd',
        run: async () => ({ failure: null, output: ANSWERS['linux']! }),
      }),
    ).toMatchObject({ status: 'warning' });
    expect(await check('accelerators', { names: async () => [] })).toMatchObject({
      status: 'warning',
      found: expect.stringContaining('not tried'),
    });
  });

  test('kernel: one that cannot be read, none, a wrong SUPERMIN_KERNEL, a fixed appliance', async () => {
    const locked: Probes['file'] = async (path) => ({ ...there, readable: !path.endsWith('-2') });
    expect(await check('kernel', { file: locked })).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('/boot/vmlinuz-6.1.0-2'),
      mend: expect.stringContaining('sudo chmod 0644 /boot/vmlinuz-6.1.0-2'),
    });
    const oldLocked: Probes['file'] = async (path) => ({ ...there, readable: !path.endsWith('-1') });
    expect(await check('kernel', { file: oldLocked })).toMatchObject({ status: 'warning' });
    expect(await check('kernel', { names: async () => [] })).toMatchObject({ status: 'failed' });
    expect(await check('kernel', { env: { SUPERMIN_KERNEL: '/k' }, file: async () => absent })).toMatchObject({
      status: 'failed',
      mend: expect.stringContaining('SUPERMIN_KERNEL'),
    });
    expect(await check('kernel', { searchAppliance: fixed, names: async () => [] })).toMatchObject({
      status: 'skipped',
    });
  });

  test('appliance: files of a fixed one that cannot be read', async () => {
    expect(await check('appliance', { searchAppliance: fixed })).toMatchObject({
      status: 'ok',
      found: expect.stringContaining('fixed'),
    });
    expect(
      await check('appliance', {
        searchAppliance: fixed,
        file: async (path) => ({ ...there, readable: path !== '/a/root' }),
      }),
    ).toMatchObject({ status: 'failed', mend: 'sudo chmod 0644 /a/root' });
    expect(await check('supermin', { searchAppliance: fixed, findProgram: none })).toMatchObject({ status: 'skipped' });
  });

  test('space and folders', async () => {
    expect(await check('space', { freeSpace: async () => 50n * 1024n * 1024n })).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('50 MiB free'),
      mend: expect.stringContaining('LIBGUESTFS_CACHEDIR'),
    });
    expect(await check('space', { freeSpace: none })).toMatchObject({ status: 'ok' });
    expect(
      await check('folders', { file: async (path) => (path === '/tmp' ? { ...folder, writable: false } : folder) }),
    ).toMatchObject({ status: 'failed', found: expect.stringContaining('/tmp cannot be written') });
    expect(
      await check('folders', {
        file: async (path) => (path.includes('.guestfs-1000') ? { ...folder, uid: 7 } : folder),
      }),
    ).toMatchObject({ status: 'failed', found: expect.stringContaining('belongs to user 7') });
    expect(await check('folders', { file: async () => there })).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('is not a directory'),
    });
  });

  test('sockets: a folder with a long name', async () => {
    expect(await check('sockets', {}, { sockdir: `/tmp/${'x'.repeat(90)}` })).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('107 are possible'),
    });
  });

  test('libvirt: only where it is wanted', async () => {
    const wanted = { backend: 'libvirt:qemu:///session' };
    expect(await check('libvirt', { findProgram: none })).toMatchObject({ status: 'skipped' });
    expect(await check('libvirt', { findProgram: none }, wanted)).toMatchObject({ status: 'failed' });
    const run: Probes['run'] = async (_file, args) => {
      expect(args.slice(0, 2)).toEqual(['-c', 'qemu:///session']);
      return {
        failure: 'exited with status 1',
        output: 'error: failed to connect to the hypervisor\nerror: Failed to connect socket\n',
      };
    };
    expect(await check('libvirt', { run }, wanted)).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('Failed to connect socket'),
    });
    expect(
      await check('libvirt', { run: async () => ({ failure: null, output: '<domain>qemu</domain>' }) }, wanted),
    ).toMatchObject({ status: 'ok', found: 'runs machines of type qemu' });
  });
});
