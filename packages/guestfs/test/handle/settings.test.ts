import { describe, expect, test } from '@jest/globals';
import { Guestfs, GUESTFS_EVENT, GuestfsPool, prepareAppliance } from 'guestfs';

const make = (options: ConstructorParameters<typeof Guestfs>[0] = {}): Guestfs =>
  new Guestfs({ environment: {}, ...options });

describe('the settings', () => {
  test('start as documented', () => {
    const g = make();
    expect([g.getVerbose(), g.getTrace(), g.getAutosync(), g.getMemsize(), g.getSmp()]).toEqual([
      false,
      false,
      true,
      1280,
      1,
    ]);
    expect([g.getBackend(), g.getAttachMethod(), g.getAppend(), g.getIdentifier()]).toEqual([
      'direct',
      'appliance',
      null,
      '',
    ]);
    expect([g.isConfig(), g.maxDisks(), g.getHv()]).toEqual([true, 255, expect.stringContaining('qemu-system-')]);
  });

  test('come from the environment, and an option is stronger', () => {
    const environment = {
      LIBGUESTFS_DEBUG: '1',
      LIBGUESTFS_MEMSIZE: '700',
      LIBGUESTFS_PATH: '/a:/b',
      TMPDIR: '/var/x',
    };
    const g = new Guestfs({ environment, memsize: 900 });
    expect([g.getVerbose(), g.getMemsize(), g.getPath(), g.getTmpdir()]).toEqual([true, 900, '/a:/b', '/var/x']);
    g.setPath('/c');
    g.setPath(null);
    expect(g.getPath()).toBe('/a:/b');
    g.setTmpdir('/elsewhere');
    g.setTmpdir(null);
    expect(g.getTmpdir()).toBe('/var/x');
  });

  test('are taken from a list', () => {
    const g = make();
    g.parseEnvironmentList(['LIBGUESTFS_MEMSIZE=500', 'OTHER=x=y']);
    expect(g.getMemsize()).toBe(500);
    expect(() => g.parseEnvironmentList(['LIBGUESTFS_DEBUG=maybe'])).toThrow(
      expect.objectContaining({ code: 'ERR_GUESTFS_ENVIRONMENT' }),
    );
    expect(() => g.parseEnvironmentList(['nothing'])).toThrow(
      expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT' }),
    );
  });

  test('refuse what is out of range', () => {
    const g = make();
    const refused: [() => void, string][] = [
      [() => g.setMemsize(255), 'setMemsize'],
      [() => g.setSmp(0), 'setSmp'],
      [() => g.setSmp(256), 'setSmp'],
      [() => g.setIdentifier('a b'), 'setIdentifier'],
      [() => g.config('-kernel', 'x'), 'config'],
      [() => g.config('--display', 'x'), 'config'],
      [() => g.config('device', 'x'), 'config'],
      [() => g.setBackend('no'), 'setBackend'],
      [() => g.setVerbose(1 as never), 'setVerbose'],
    ];
    for (const [call, operation] of refused) {
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT', operation }));
    }
    expect([g.getMemsize(), g.getSmp(), g.getIdentifier()]).toEqual([1280, 1, '']);
  });

  test('of the backend are kept by name', () => {
    const g = make({ backendSettings: ['force_tcg', 'gdb=no'] });
    expect([g.getBackendSetting('force_tcg'), g.getBackendSetting('gdb')]).toEqual(['1', 'no']);
    g.setBackendSetting('gdb', 'a=b');
    expect(g.getBackendSetting('gdb')).toBe('a=b');
    expect(g.clearBackendSetting('force_tcg')).toBe(1);
    expect(g.clearBackendSetting('force_tcg')).toBe(0);
    expect(() => g.getBackendSetting('force_tcg')).toThrow(expect.objectContaining({ code: 'ESRCH' }));
    expect(g.getBackendSettings()).toEqual(['gdb=a=b']);
  });
});

test('options of the constructor that are unknown or of a wrong type are refused', () => {
  const wrong: [object | null, RegExp][] = [
    [{ memsiz: 1 }, /^Guestfs: option `memsiz` is no option of it; these are: environment, verbose, /],
    [{ verbose: 1 }, /^Guestfs: option `verbose` must be a boolean/],
    [{ memsize: 512.5 }, /^Guestfs: option `memsize` must be an integer/],
    [{ memsize: 2 ** 31 }, /^Guestfs: option `memsize` must be an integer/],
    [{ hv: 'a\0b' }, /^Guestfs: option `hv` must not hold a NUL/],
    [{ backendSettings: ['a', 5] }, /^Guestfs: option `backendSettings\[1\]` must be a string/],
    [{ backendSettings: 'a' }, /^Guestfs: option `backendSettings` must be an array of strings/],
    [{ launchTimeout: -1 }, /^Guestfs: option `launchTimeout` must be more than 0/],
    [{ launchTimeout: '1' }, /^Guestfs: option `launchTimeout` must be a number/],
    [{ environment: 5 }, /^Guestfs: option `environment` must be/],
    [{ backend: 'no' }, /there is no backend "no"/],
    [{ memsize: 255 }, /^Guestfs: `memsize` must be at least 256 MB, not 255/],
    [{ smp: 256 }, /^Guestfs: `smp` must be from 1 to 255, not 256/],
    [{ identifier: 'a b' }, /^Guestfs: `identifier` may hold ASCII letters/],
    [5 as never, /^Guestfs: options must be an object/],
    [null, /^Guestfs: options must be an object/],
  ];
  for (const [options, message] of wrong) {
    const error = expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT', message: expect.stringMatching(message) });
    expect(() => new Guestfs(options as never)).toThrow(error);
  }
  expect(new Guestfs({ environment: process.env, verbose: undefined }).getVerbose()).toBe(false);
});

test('open tells what is wrong with its options, and closes', async () => {
  const wrong: [unknown, RegExp][] = [
    [{ environment: {}, drives: [5] }, /^open: option `drives\[0\]` must be a path or an object with `file`/],
    [{ environment: {}, drives: [{ readonly: true }] }, /^open: option `drives\[0\]` must be a path or an object/],
    [{ environment: {}, drives: '/x' }, /^open: option `drives` must be an array/],
    [{ environment: {}, drives: [{ file: '/dev/null', readonl: true }] }, /^addDrive: option `readonl` is no option/],
    [{ environment: {}, memsiz: 1 }, /^open: option `memsiz` is no option/],
    [{ environment: {}, signal: 5 }, /^open: option `signal` must be an AbortSignal/],
    [{ environment: {}, onProgress: 5 }, /^open: option `onProgress` must be a function/],
    [null, /^open: options must be an object/],
    ['/disk.img', /^open: options must be an object/],
  ];
  for (const [options, message] of wrong) {
    await expect(Guestfs.open(options as never)).rejects.toMatchObject({
      code: 'ERR_GUESTFS_ARGUMENT',
      message: expect.stringMatching(message),
    });
  }
  await expect(Guestfs.open({ environment: {}, drives: ['/no/such/image'] })).rejects.toMatchObject({ code: 'ENOENT' });
});

test('calls before launch are refused with what to do', async () => {
  await using g = make();
  await expect(g.listDevices()).rejects.toMatchObject({
    code: 'ERR_GUESTFS_STATE',
    hint: expect.stringContaining('launch'),
  });
  await expect(g.cat('/x')).rejects.toMatchObject({ code: 'ERR_GUESTFS_STATE', operation: 'cat' });
  const read = async (): Promise<void> => {
    for await (const bytes of g.download('/x')) expect(bytes).toBeUndefined();
  };
  await expect(read()).rejects.toMatchObject({ code: 'ERR_GUESTFS_STATE' });
  expect(() => g.getPid()).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_STATE' }));
  await g.shutdown();
});

test('a pool and a preparation tell what is wrong with their options', async () => {
  for (const size of [0, 65, 1.5, '3', undefined]) {
    expect(() => new GuestfsPool({ environment: {}, size } as never)).toThrow(
      /^GuestfsPool: option `size` must be a whole/,
    );
  }
  expect(() => new GuestfsPool({ size: 1, colour: 1 } as never)).toThrow(/option `colour` is no option/);
  expect(() => new GuestfsPool(null as never)).toThrow(/^GuestfsPool: options must be an object/);
  await expect(prepareAppliance({ onMessage: 5 } as never)).rejects.toThrow(/option `onMessage` must be a function/);
  await expect(prepareAppliance(5 as never)).rejects.toThrow(/^prepareAppliance: options must be an object/);
});

test('what Node cannot do says so', async () => {
  await using g = make();
  await expect(g.mountLocal('/mnt')).rejects.toMatchObject({
    code: 'ERR_GUESTFS_UNSUPPORTED',
    hint: expect.stringContaining('g.fs'),
  });
  await expect(g.cPointer()).rejects.toMatchObject({ code: 'ERR_GUESTFS_UNSUPPORTED' });
  expect(() => g.removeDrive('x')).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_UNSUPPORTED' }));
});

test('close is idempotent, sends one event, and ends iterators', async () => {
  const g = make();
  let closed = 0;
  g.setEventCallback(() => closed++, GUESTFS_EVENT.CLOSE);
  const events = g.events('warning');
  await Promise.all([g.close(), g.close()]);
  await g.close();
  expect(closed).toBe(1);
  expect(await events.next()).toEqual({ done: true, value: undefined });
  expect(() => g.setVerbose(true)).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_CLOSED' }));
});

test('the version is that of the package', async () => {
  const { readFileSync } = await import('node:fs');
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const { major, minor, release, extra } = make().version();
  expect(`${major}.${minor}.${release}${extra}`).toBe(version);
});
