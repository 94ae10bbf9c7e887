import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Guestfs } from 'guestfs';
import { testDomain, TestDriverHost } from './test-driver.js';

const disk = (path: string, target: string): string =>
  `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${path}'/><target dev='${target}' bus='virtio'/></disk>`;

let images: string;
beforeAll(async () => {
  images = await mkdtemp(join(tmpdir(), 'guestfs-add-domain-'));
});
afterAll(() => rm(images, { recursive: true, force: true }));

async function hostWith(count: number, state: number, before = ''): Promise<TestDriverHost> {
  const paths = Array.from({ length: count }, (_, i) => join(images, `${i}.img`));
  for (const path of paths) await writeFile(path, 'x');
  return TestDriverHost.create(
    before + testDomain('web', paths.map((path, i) => disk(path, `vd${'abc'[i]}`)).join(''), state),
  );
}

test('addDomain adds the disks, and a launch that is issued at once waits for it', async () => {
  await using host = await hostWith(2, 5);
  await using g = new Guestfs({ environment: {} });
  g.setBackend('unix:/nowhere/g.sock');
  const added = g.addDomain('web', { libvirturi: host.uri });
  const launched = g.launch().catch((error: { message: string }) => error.message);
  expect(await added).toBe(2);
  expect(await launched).toContain('2 drives were added');
});

test('all disks or none: one that is missing here leaves the handle as it was', async () => {
  await using host = await TestDriverHost.create(
    testDomain('web', disk(join(images, '0.img'), 'vda') + disk('/nowhere/b.img', 'vdb'), 5),
  );
  await using g = new Guestfs({ environment: {} });
  await expect(g.addDomain('web', { libvirturi: host.uri })).rejects.toMatchObject({ code: 'ENOENT' });
  g.setBackend('unix:/nowhere/g.sock');
  await expect(g.launch()).rejects.toMatchObject({ code: 'ERR_GUESTFS_ATTACH' });
});

test('the running, the missing and the live are told apart', async () => {
  await using host = await hostWith(1, 1);
  await using g = new Guestfs({ environment: {} });
  const add = (name: string, options = {}) => g.addDomain(name, { libvirturi: host.uri, ...options });
  await expect(add('web')).rejects.toMatchObject({ code: 'ERR_GUESTFS_DOMAIN_RUNNING' });
  await expect(add('other')).rejects.toMatchObject({ code: 'ERR_GUESTFS_DOMAIN_NOT_FOUND' });
  await expect(add('web', { live: true })).rejects.toMatchObject({ code: 'ERR_GUESTFS_DOMAIN_NO_CHANNEL' });
  await expect(add('web', { live: true, readonly: true })).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
  expect(await add('web', { readonly: true })).toBe(1);
  await expect(add('web', { live: true })).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
});

test('libvirtAuth: the handler answers with the credential calls, which fail everywhere else', async () => {
  await using host = await hostWith(1, 5, `<auth><user password="secret">bob</user></auth>`);
  await using g = new Guestfs({ environment: {} });
  const add = () => g.addDomain('web', { libvirturi: host.uri });
  await expect(add()).rejects.toMatchObject({ code: 'ERR_GUESTFS_LIBVIRT_ACCESS' });
  g.setLibvirtSupportedCredentials(['username', 'passphrase']);
  expect(() => g.getLibvirtRequestedCredentials()).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_STATE' }));
  const uris: string[] = [];
  g.on('libvirtAuth', ({ text }) => {
    uris.push(text);
    g.getLibvirtRequestedCredentials().forEach((type, index) => {
      g.setLibvirtRequestedCredential(index, type === 'username' ? 'bob' : 'secret');
    });
  });
  expect(await add()).toBe(1);
  expect(uris).toEqual([host.uri]);
});
