import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Guestfs, type GuestfsOptions } from 'guestfs';
import { copyFolder, ended, OwnStore, PROGRAM } from './own-store.js';
import { host, launched, sparse, until, wasWarm } from './support.js';

jest.setTimeout(900_000);

let own: OwnStore;
beforeAll(async () => void (own = await OwnStore.make('warm-making')));
afterAll(() => own.remove());

test('the first launch is cold and lean, a template is made in the background, and the second launch is warm', async () => {
  const first = await launched([[own.disk, { format: 'raw' }]], own.options);
  expect(wasWarm(first.log)).toBe(false);
  expect(first.log.join('\n')).toMatch(/warm start: there is no template [0-9a-f]{32} yet/);
  expect(first.log.some((line) => line.includes('-initrd') && line.includes('root=/dev/vda'))).toBe(true);
  expect(await first.g.listDevices()).toEqual(['/dev/sda']);
  await until(async () => (await own.templates()).length === 1, 600_000);
  await first.g.close();
  const second = await launched([[own.disk, { format: 'raw' }]], own.options);
  expect(wasWarm(second.log)).toBe(true);
  await second.g.close();
});

test.each<[string, (own: OwnStore) => GuestfsOptions]>([
  ['the option', () => ({ warm: false })],
  ['a backend setting', () => ({ backendSettings: ['force_tcg', 'no_warm'] })],
  ['the environment', ({ environment }) => ({ environment: { ...environment, GUESTFS_WARM: '0' } })],
])('%s turns it off, and the log says so', async (_, change) => {
  expect((await own.wanted()).found).toBe(true);
  const stop = new AbortController();
  const g = new Guestfs({ ...own.options, ...change(own) });
  const said: string[] = [];
  g.on('library', ({ text }) => {
    if (!text.includes('warm start')) return;
    said.push(text.trim());
    stop.abort();
  });
  await expect(g.launch({ signal: stop.signal })).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
  await g.close();
  expect(said).toEqual([expect.stringMatching(/^warm start: not used \(/)]);
});

test('a disk that qemu refuses is told as in a cold launch, and costs no template', async () => {
  const wrong = await sparse(join(own.folder, 'wrong'), 1);
  await expect(launched([[wrong, { format: 'qcow2' }]], own.options)).rejects.toThrow(
    'is not in the format that was given',
  );
  expect(await own.templates()).toHaveLength(1);
});

test('two processes that make a template at once end with one', async () => {
  await host('rm', '-r', (await own.template()).folder);
  const said = await Promise.all([0, 1].map(async () => ended(own.start([PROGRAM, 'warm']))));
  expect(said.map(({ status }) => status)).toEqual([0, 0]);
  expect(said.filter(({ text }) => text.includes('Made the template'))).toHaveLength(1);
  expect(said.filter(({ text }) => text.includes('is there already'))).toHaveLength(1);
  expect(await own.templates()).toHaveLength(1);
  const { g, log } = await launched([[own.disk, { format: 'raw' }]], own.options);
  expect(wasWarm(log)).toBe(true);
  await g.close();
});

// Mounting a small disk needs rights.
const asRoot = process.geteuid?.() === 0 ? describe : describe.skip;

asRoot('a disk that is full', () => {
  let small: string;
  let settings: Record<string, string>;
  const inStore = async (): Promise<string> => host('sh', '-c', `ls ${small}/.guestfs-*/warm`);

  beforeAll(async () => {
    small = join(own.folder, 'small');
    const fixed = join(own.folder, 'fixed');
    await copyFolder(join(own.cachedir, `.guestfs-${process.geteuid?.()}`, 'appliance.d'), fixed);
    await writeFile(join(fixed, 'README.fixed'), '');
    settings = { LIBGUESTFS_CACHEDIR: small, LIBGUESTFS_PATH: fixed };
    await host('mkdir', small);
    await host('mount', '-t', 'tmpfs', '-o', 'size=560M,mode=755', 'none', small);
  });
  afterAll(async () => {
    await own.quiet();
    await host('umount', small);
  });

  test('before a template is made: refused with the hint, and nothing is left', async () => {
    await host('fallocate', '-l', '200M', join(small, 'filler'));
    const { status, text } = await ended(own.start([PROGRAM, 'warm'], settings));
    expect(status).not.toBe(0);
    expect(text).toMatch(/a template needs 512 MB, and .* has less\n +What to do: make room/);
    expect(await inStore()).not.toContain('making');
    await host('rm', join(small, 'filler'));
  });

  test('while a template is made: that is given up, nothing is left, and launches go on cold', async () => {
    const making = ended(own.start([PROGRAM, 'warm'], settings));
    await until(async () => (await inStore().catch(() => '')).includes('making'), 120_000);
    const filler = await open(join(small, 'filler'), 'w');
    let full: unknown = null;
    while (full === null) full = await filler.write(Buffer.alloc(2 ** 20)).then(() => null, String);
    await filler.close();
    expect(full).toContain('ENOSPC');
    const { status, text } = await making;
    expect(status).not.toBe(0);
    expect(text).toMatch(/no template could be made: .* is full\n +What to do: make room/);
    expect(await inStore()).not.toMatch(/making|^[0-9a-f]{32}$/m);
    expect(await own.launch(settings)).toMatch(/warm start: (there is no template|not used)/);
  });
});
