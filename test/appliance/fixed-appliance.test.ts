import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Guestfs, makeFixedAppliance } from 'guestfs';
import { findProgram } from '@guestfs/core/appliance';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gfs-fixed-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A folder for PATH with only these programs in it. */
async function onlyPrograms(names: readonly string[]): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  for (const name of names) {
    const file = await findProgram(name);
    if (file !== null) await symlink(file, join(bin, basename(name)));
  }
  return bin;
}

test('a fixed appliance made here boots with supermin off the PATH', async () => {
  const target = join(folder, 'appliance');
  const steps: string[] = [];
  const made = await makeFixedAppliance(target, { onMessage: (line) => steps.push(line) });
  expect((await readdir(target)).sort()).toEqual(['README.fixed', 'initrd', 'kernel', 'root']);
  expect((await readFile(join(target, 'root'))).subarray(0, 4).toString('latin1')).toBe('QFI\xfb');
  expect(made.bytes).toBeLessThan(400 * 1024 * 1024);
  expect(steps.some((line) => line.includes('compressing'))).toBe(true);
  await expect(makeFixedAppliance(target)).rejects.toMatchObject({
    code: 'ERR_GUESTFS_ARGUMENT',
    message: expect.stringContaining('not empty'),
  });

  const { PATH } = process.env;
  process.env['PATH'] = await onlyPrograms(['qemu-system-x86_64', 'qemu-system-aarch64', 'qemu-img', 'setpriv', 'sh']);
  try {
    expect(await findProgram('supermin')).toBeNull();
    await using g = new Guestfs({ environment: { ...process.env, LIBGUESTFS_CACHEDIR: folder } });
    const log: string[] = [];
    g.on('library', ({ text }) => log.push(text));
    g.setPath(target);
    g.addDriveScratch(16 * 1024 * 1024);
    await g.launch();
    await g.mkfs('ext2', '/dev/sda');
    expect(await g.vfsType('/dev/sda')).toBe('ext2');
    expect(log.join('')).toContain(`ready made in ${target}`);
    await g.shutdown();
  } finally {
    process.env['PATH'] = PATH;
  }
}, 400_000);

test('those that ask for the same at once get the same', async () => {
  const target = join(folder, 'shared');
  const [one, two] = await Promise.all([makeFixedAppliance(target), makeFixedAppliance(target)]);
  expect(two).toEqual(one);
  expect((await readdir(target)).sort()).toEqual(['README.fixed', 'initrd', 'kernel', 'root']);
}, 400_000);

test('a file in the way, and an abort: an error, and nothing is left', async () => {
  const file = join(folder, 'file');
  await writeFile(file, 'x');
  await expect(makeFixedAppliance(file)).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
  await expect(makeFixedAppliance(join(file, 'below'))).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
  const parent = join(folder, 'parent');
  await mkdir(parent);
  const controller = new AbortController();
  const making = makeFixedAppliance(join(parent, 'a'), {
    signal: controller.signal,
    onMessage: (line) => line.startsWith('compressing') && setTimeout(() => controller.abort(new Error('enough')), 50),
  });
  await expect(making).rejects.toThrow('enough');
  expect(await readdir(parent)).toEqual([]);
  expect((await stat(file)).size).toBe(1);
}, 200_000);
