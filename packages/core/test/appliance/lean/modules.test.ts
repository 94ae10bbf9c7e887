import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { kernelRelease } from '../../../src/appliance/lean/kernel-release.js';
import { hasModule, loadOrder, parseModuleIndex } from '../../../src/appliance/lean/modules.js';

const DEPENDENCIES = `kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/virtio/virtio_ring.ko:
kernel/drivers/virtio/virtio_pci.ko.xz: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
`;
const index = parseModuleIndex(DEPENDENCIES, 'kernel/fs/ext4/ext4.ko\nkernel/crypto/crc32c_generic.ko\n');

test('every module comes after what it needs, and once', () => {
  expect(loadOrder(index, ['virtio_pci', 'virtio_rng'])).toEqual([
    'kernel/drivers/virtio/virtio_ring.ko',
    'kernel/drivers/virtio/virtio.ko',
    'kernel/drivers/virtio/virtio_pci.ko.xz',
    'kernel/drivers/char/hw_random/virtio-rng.ko',
  ]);
});

test('built-in modules are there and are not loaded', () => {
  expect(hasModule(index, 'ext4')).toBe(true);
  expect(loadOrder(index, ['ext4', 'crc32c-generic', 'unknown'])).toEqual([]);
  expect(hasModule(index, 'unknown')).toBe(false);
});

describe('the release of a kernel', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'guestfs-kernel-'))));
  afterEach(() => rm(folder, { recursive: true }));

  async function releaseOf(image: Buffer): Promise<string | null> {
    const file = join(folder, 'kernel');
    await writeFile(file, image);
    return kernelRelease(file);
  }

  test('is where the header of x86 points to', async () => {
    const image = Buffer.alloc(4096);
    image.write('HdrS', 0x202, 'latin1');
    image.writeUInt16LE(0x300, 0x20e);
    image.write('6.1.0-18-amd64 (debian-kernel@lists) #1 SMP\0', 0x500, 'latin1');
    expect(await releaseOf(image)).toBe('6.1.0-18-amd64');
  });

  test('is in the banner elsewhere, also of a packed image', async () => {
    const image = Buffer.from(`${'\0'.repeat(1000)}Linux version 6.12.1+deb13-arm64 (gcc)\0`, 'latin1');
    expect(await releaseOf(image)).toBe('6.12.1+deb13-arm64');
    expect(await releaseOf(gzipSync(image))).toBe('6.12.1+deb13-arm64');
  });

  test('is null for what is no kernel', async () => {
    expect(await releaseOf(Buffer.from('not a kernel'))).toBeNull();
    expect(await releaseOf(Buffer.from([0x1f, 0x8b, 1, 2, 3]))).toBeNull();
    expect(await releaseOf(Buffer.alloc(0))).toBeNull();
  });
});
