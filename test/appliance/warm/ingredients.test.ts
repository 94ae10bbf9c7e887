import { appendFile, chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { prepareAppliance } from 'guestfs';
import { copyFolder, OwnStore, wantedIn } from './own-store.js';
import { host } from './support.js';

jest.setTimeout(900_000);

let own: OwnStore;
let first: string;
const seen = new Set<string>();

beforeAll(async () => {
  own = await OwnStore.make('warm-ingredients');
  first = (await prepareAppliance(own.options)).template;
  seen.add(first);
});
afterAll(() => own.remove());

/** Expects that a launch wants a template that nobody wanted before, and so finds none. */
function expectNew({ key, found }: { key: string; found: boolean }): void {
  expect(key).toMatch(/^[0-9a-f]{32}$/);
  expect(seen).not.toContain(key);
  expect(found).toBe(false);
  seen.add(key);
}

test('with nothing changed, the template is found', async () => {
  expect(await own.wanted()).toEqual({ key: first, found: true });
});

test('another qemu binary wants another template', async () => {
  const real = (await host('sh', '-c', 'command -v qemu-system-x86_64 || command -v qemu-system-aarch64')).trim();
  const copy = join(own.folder, 'qemu-copy');
  await copyFile(real, copy);
  await chmod(copy, 0o755);
  expectNew(await own.wanted({ hv: copy }));
  await appendFile(copy, '\0');
  expectNew(await own.wanted({ hv: copy }));
});

test('another kernel, and another file in the root, want another template; a copy with other times does not', async () => {
  const fixed = join(own.folder, 'fixed');
  await copyFolder(join(own.cachedir, `.guestfs-${process.geteuid?.()}`, 'appliance.d'), fixed);
  await writeFile(join(fixed, 'README.fixed'), '');
  expect(await own.wanted({ path: fixed })).toEqual({ key: first, found: true });
  await appendFile(join(fixed, 'kernel'), '\0');
  expectNew(await own.wanted({ path: fixed }));
  await host('debugfs', '-w', '-R', 'mkdir /another', join(fixed, 'root'));
  expectNew(await own.wanted({ path: fixed }));
  // Times are no content: the same key as before, though every one of the files has another time.
  const { key } = await own.wanted({ path: fixed });
  await host('touch', '-d', '2001-01-01', join(fixed, 'root'), join(fixed, 'kernel'));
  expect((await own.wanted({ path: fixed })).key).toBe(key);
});

const linux = process.platform === 'linux' ? test : test.skip;

linux('other arguments of the machine want another template: one processor in place of two', async () => {
  expectNew(wantedIn(await own.launch({}, ['taskset', '-c', '0'])));
});

// Bind mounts need rights.
const asRoot = process.geteuid?.() === 0 ? test : test.skip;

asRoot('another model of the host processor wants another template', async () => {
  const told = join(own.folder, 'cpuinfo');
  const real = await readFile('/proc/cpuinfo', 'latin1');
  await writeFile(told, real.replace(/^(model|CPU part)(\s*:).*$/gm, '$1$2 77'));
  const mounted = ['unshare', '--mount', 'sh', '-c', `mount --bind '${told}' /proc/cpuinfo && exec "$@"`, 'sh'];
  expectNew(wantedIn(await own.launch({}, mounted)));
});
