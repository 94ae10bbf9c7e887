import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
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

test('a rule that a disk breaks is told with the name of the disk, and none is added', async () => {
  await using host = await TestDriverHost.create(
    testDomain('web', disk('/dev/null', 'vda') + disk('/nowhere/b.img', 'vdb').replace('raw', 'vmdk'), 5),
  );
  await using g = new Guestfs({ environment: {} });
  await expect(g.addDomain('web', { libvirturi: host.uri, discard: 'enable' })).rejects.toMatchObject({
    code: 'ERR_GUESTFS_ARGUMENT',
    operation: 'addDomain',
    reason: 'the drive "/nowhere/b.img": option `discard` must not be `enable` unless `format` is `raw` or `qcow2`',
  });
  await expect(g.addDomain('web', { libvirturi: host.uri, cachemode: 'none' })).rejects.toMatchObject({
    reason: expect.stringContaining('option `cachemode` must be one of'),
  });
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

test('a domain without disks, and one whose disks are all left out, are refused', async () => {
  await using host = await TestDriverHost.create(
    testDomain('bare', '', 5) +
      testDomain('empty', `<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>`, 5),
  );
  await using g = new Guestfs({ environment: {} });
  for (const name of ['bare', 'empty']) {
    await expect(g.addDomain(name, { libvirturi: host.uri })).rejects.toMatchObject({
      code: 'ERR_GUESTFS_DOMAIN',
      message: expect.stringContaining('no disks'),
    });
  }
});

describe('XML that no libvirt writes', () => {
  const { PATH } = process.env;
  afterEach(() => void (process.env['PATH'] = PATH));

  /** Puts a virsh before the real one that prints this for every domain. */
  async function virshPrints(xml: string): Promise<void> {
    const bin = await mkdtemp(join(images, 'bin-'));
    await writeFile(join(bin, 'domain.xml'), xml);
    await writeFile(join(bin, 'virsh'), `#!/bin/sh\nexec cat ${bin}/domain.xml\n`, { mode: 0o755 });
    process.env['PATH'] = `${bin}:${PATH}`;
  }

  test.each([
    ['an entity of its own', '<!DOCTYPE domain [<!ENTITY n "web">]><domain><name>&n;</name></domain>'],
    ['a file as an entity', '<!DOCTYPE d [<!ENTITY n SYSTEM "file:///etc/passwd">]><domain><name>&n;</name></domain>'],
    ['an entity that nobody defined', '<domain><name>web</name><devices>&n;</devices></domain'],
    ['another document', '<network><name>web</name></network>'],
    ['half a document', '<domain><name>web</name><devices><disk'],
    ['nothing', ''],
  ])('%s: an error of its own, and the handle goes on', async (_, xml) => {
    await virshPrints(xml);
    await using g = new Guestfs({ environment: {} });
    for (const live of [false, true]) {
      await expect(g.addDomain('web', { live })).rejects.toMatchObject({ code: 'ERR_GUESTFS_LIBVIRT' });
    }
    process.env['PATH'] = PATH;
    await using host = await hostWith(1, 5);
    expect(await g.addDomain('web', { libvirturi: host.uri })).toBe(1);
  });
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
