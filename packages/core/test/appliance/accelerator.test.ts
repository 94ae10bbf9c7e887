import { mkdtemp, rm, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  booleanSetting,
  chooseAccelerator,
  requireKvm,
  forcedAccelerator,
  type AcceleratorFacts,
} from '../../src/appliance/qemu/accelerator.js';
import { parseAccelerators } from '../../src/appliance/qemu/find.js';
import { AcceleratorCache } from '../../src/appliance/qemu/accelerator-cache.js';

const LINUX: AcceleratorFacts = { platform: 'linux', builtIn: ['tcg', 'kvm'], kvmDevice: 'ok', verdict: null };

describe('chooseAccelerator', () => {
  test('probes KVM where it opens and nothing is known of it', () => {
    expect(chooseAccelerator(LINUX)).toMatchObject({ accelerator: 'kvm', probe: true, mayFallBack: true });
  });

  test('uses what is known without a probe', () => {
    expect(chooseAccelerator({ ...LINUX, verdict: { works: true, reason: '' } })).toMatchObject({
      accelerator: 'kvm',
      probe: false,
      mayFallBack: true,
    });
    const broken = chooseAccelerator({ ...LINUX, verdict: { works: false, reason: 'it died' } });
    expect(broken).toMatchObject({ accelerator: 'tcg', probe: false, mayFallBack: false });
    expect(broken.why).toContain('it died');
  });

  test('says how to get at /dev/kvm where rights are missing, and is quiet where there is none', () => {
    expect(chooseAccelerator({ ...LINUX, kvmDevice: 'EACCES' })).toMatchObject({
      accelerator: 'tcg',
      warning: expect.stringContaining('usermod -aG kvm'),
    });
    expect(chooseAccelerator({ ...LINUX, kvmDevice: 'ENOENT' })).not.toHaveProperty('warning');
  });

  test.each<[NodeJS.Platform, string, string]>([
    ['darwin', 'Accelerators supported in QEMU binary:\nhvf\ntcg\n', 'hvf'],
    ['darwin', 'Accelerators supported in QEMU binary:\ntcg\n', 'tcg'],
    ['win32', 'Accelerators supported in QEMU binary:\r\nwhpx\r\ntcg\r\n', 'whpx'],
    ['linux', 'Accelerators supported in QEMU binary:\ntcg\nxen\n', 'tcg'],
    ['freebsd', 'Accelerators supported in QEMU binary:\ntcg\n', 'tcg'],
  ])('on %s with the answer %j takes %s', (platform, answer, expected) => {
    const facts = {
      platform,
      builtIn: parseAccelerators(answer),
      kvmDevice: platform === 'linux' ? 'ok' : 'ENOENT',
      verdict: null,
    };
    expect(chooseAccelerator(facts).accelerator).toBe(expected);
  });
});

describe('backend settings', () => {
  test.each([
    [['force_tcg'], 'tcg'],
    [['gdb', 'force_kvm=1'], 'kvm'],
    [['force_tcg=0'], null],
    [[], null],
  ] as const)('%j forces %s', (settings, expected) => {
    expect(forcedAccelerator(settings)).toBe(expected);
  });

  test('refuses both, and what is no boolean', () => {
    expect(() => forcedAccelerator(['force_kvm', 'force_tcg'])).toThrow(/exclude each other/);
    expect(() => booleanSetting(['gdb=maybe'], 'gdb')).toThrow(/1 or 0/);
  });

  test('force_kvm without /dev/kvm is an error', () => {
    expect(() => requireKvm({ kvmDevice: 'ENOENT' })).toThrow(
      expect.objectContaining({ code: 'ERR_GUESTFS_UNSUPPORTED' }),
    );
  });
});

describe('AcceleratorCache', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'guestfs-test-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const qemu = { file: '/q', identity: '/q:1:2:3:4' };

  test('gives back what was written, to the same qemu only', async () => {
    await new AcceleratorCache(folder, qemu).write(['kvm'], { works: false, reason: 'died' });
    expect(await new AcceleratorCache(folder, qemu).read()).toEqual({
      builtIn: ['kvm'],
      verdict: { works: false, reason: 'died' },
    });
    expect(await new AcceleratorCache(folder, { ...qemu, identity: '/q:1:2:3:5' }).read()).toBeNull();
  });

  test('forgets a doubt after its time', async () => {
    const store = new AcceleratorCache(folder, qemu);
    await store.write(['kvm'], { works: false, reason: 'silent' }, -1);
    expect(await store.read()).toEqual({ builtIn: ['kvm'], verdict: null });
  });

  test('counts a damaged file as nothing', async () => {
    const store = new AcceleratorCache(folder, qemu);
    await store.write(['kvm'], null);
    const cache = join(folder, (await readdir(folder))[0]!);
    await writeFile(join(cache, (await readdir(cache))[0]!), '{"works":"perhaps"');
    expect(await store.read()).toBeNull();
  });
});
