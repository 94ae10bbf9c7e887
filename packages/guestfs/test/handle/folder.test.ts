import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Guestfs, GuestfsPool } from 'guestfs';
import { handleOf } from '../../src/handle/registry.js';
import { launchConfig } from '../../src/handle/settings.js';

const home = process.cwd();
let folder: string;
let other: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-folder-'));
  other = join(folder, 'other');
  await mkdir(other);
  await writeFile(join(folder, 'disk.img'), '');
  await truncate(join(folder, 'disk.img'), 1 << 20);
  process.chdir(folder);
});
afterEach(async () => {
  process.chdir(home);
  await rm(folder, { recursive: true, force: true });
});

test('drives and settings mean the folder that the program was in when they were given', () => {
  const g = new Guestfs({ environment: { LIBGUESTFS_HV: 'bin/env-qemu', LIBGUESTFS_BACKEND: 'unix:sock' } });
  const fromEnvironment = new Guestfs({ environment: { LIBGUESTFS_PATH: 'appliance:', TMPDIR: 'tmp' } });
  const fromOptions = new Guestfs({ environment: {}, hv: './qemu', path: 'a:/b', backend: 'replay:session.gfr' });
  const traced: string[] = [];
  g.on('trace', ({ text }) => void traced.push(text));
  g.setTrace(true);
  g.addDrive('disk.img', { readonly: true });
  g.setTmpdir('own-tmp');
  g.setCachedir('own-cache');
  fromEnvironment.parseEnvironmentList(['LIBGUESTFS_HV=later/qemu']);
  process.chdir(other);
  const at = (name: string): string => join(folder, name);
  const config = launchConfig(handleOf(g).settings, handleOf(g).drives);
  expect(config).toMatchObject({
    drives: [{ file: at('disk.img'), readonly: true }],
    hv: at('bin/env-qemu'),
    backend: `unix:${at('sock')}`,
    tmpdir: at('own-tmp'),
    cachedir: at('own-cache'),
  });
  expect(launchConfig(handleOf(fromEnvironment).settings, [])).toMatchObject({
    hv: at('later/qemu'),
    path: [at('appliance'), folder + '/.'],
    tmpdir: at('tmp'),
  });
  expect(launchConfig(handleOf(fromOptions).settings, [])).toMatchObject({
    hv: at('qemu'),
    path: [at('a'), '/b'],
    backend: `replay:${at('session.gfr')}`,
  });
  // As it was given.
  expect(traced.find((line) => /add_?drive/i.test(line))).toContain('"disk.img"');
});

test('a program without a folder in its name is still looked for on the PATH', () => {
  const g = new Guestfs({ environment: {} });
  g.setHv('my-qemu');
  expect(launchConfig(handleOf(g).settings, []).hv).toBe('my-qemu');
});

test('a name that is not UTF-8 is checked as it is', async () => {
  await writeFile(Buffer.concat([Buffer.from(`${folder}/odd`), Buffer.from([0xff])]), Buffer.alloc(512));
  const g = new Guestfs({ environment: {} });
  g.addDrive('odd\udcff', { format: 'raw' });
  expect(handleOf(g).drives[0]?.file).toBe(`${folder}/odd\udcff`);
  expect(() => g.addDrive('odd\udcfe')).toThrow('cannot be read');
});

test('the drives of acquire, too, also where its pool has to launch at last', async () => {
  await using pool = new GuestfsPool({ environment: {}, path: other, size: 1 });
  const acquired = pool.acquire({ drives: ['disk.img'] });
  process.chdir(other);
  await expect(acquired).rejects.toMatchObject({ code: 'ERR_GUESTFS_APPLIANCE_NOT_FOUND' });
});
