import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { Guestfs } from 'guestfs';
import { withBar } from '@guestfs/example-progress-bar';
import { printSummary, step } from './steps.mjs';

const KIB = 1024;
const MIB = 1024 * KIB;
const documentation = fileURLToPath(new URL('../../docs', import.meta.url));

/**
 * Makes a disk image, fills it with real files, reads them back and verifies them. Resolves with the exit status.
 *
 * `g` does the work, and is closed at the end; `size` is that of the test data, in bytes, a multiple of 64 KiB; `documents`
 * is the folder that is copied in.
 */
export async function quickstart({ g = new Guestfs(), size = 64 * MIB, documents = documentation } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'guestfs-quickstart-'));
  removeWhenGone(folder);
  try {
    await fillAndVerify(g, folder, size, documents);
    printSummary();
    return 0;
  } finally {
    await g.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Has a shell remove the folder at the end of this process, however it ends: its standard input closes then. */
function removeWhenGone(folder) {
  const shell = spawn('/bin/sh', ['-c', 'cat >/dev/null; rm -rf "$1"', 'sh', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => undefined);
  shell.unref();
  shell.stdin.unref();
}

async function fillAndVerify(g, folder, size, documents) {
  const image = join(folder, 'disk.img');
  const payload = join(folder, 'payload.bin');

  await step('Create a disk image of 512 MiB', () => makeDisk(image, 512 * MIB));
  g.addDrive(image, { format: 'raw' });
  await step('Boot the appliance under QEMU', async () => {
    await withBar('launching', g.launch());
    const version = await g.version();
    return `guestfs ${version.major}.${version.minor}.${version.release}`;
  });
  await step('Partition the disk (GPT)', async () => {
    await g.partDisk('/dev/sda', 'gpt');
    return (await g.listPartitions()).join(', ');
  });
  await step('Make an ext4 filesystem and mount it', async () => {
    await g.mkfs('ext4', '/dev/sda1', { label: 'quickstart' });
    await g.mount('/dev/sda1', '/');
    return `label ${await g.vfsLabel('/dev/sda1')}`;
  });

  const digest = await step(`Make ${withUnit(size)} of test data`, () => makePayload(payload, size));
  await step('Upload it, with progress', () => withBar('uploading', g.upload(payload, '/payload.bin')));
  await step('Copy this project’s documentation in', async () => {
    await withBar('copying', g.copyIn(documents, '/'));
    return `${(await g.find(`/${basename(documents)}`)).length} files and folders`;
  });

  await step('Compare checksums with the guest’s', async () => {
    const inside = await g.checksum('sha256', '/payload.bin');
    if (inside !== digest) throw new Error(`the guest has ${inside}, the host ${digest}`);
    return `sha256 ${inside.slice(0, 16)}…`;
  });
  await step('Read it back as a stream and verify', async () => {
    const hash = createHash('sha256');
    for await (const chunk of g.download('/payload.bin')) hash.update(chunk);
    const back = hash.digest('hex');
    if (back !== digest) throw new Error(`read back ${back}, expected ${digest}`);
    return 'identical';
  });
  await step('Unmount, check the filesystem, shut down', async () => {
    await g.umountAll();
    await g.e2fsck('/dev/sda1', { correct: true });
    await g.shutdown();
    return 'clean';
  });
}

/** Makes a raw image, which is a file with nothing in it; `g.diskCreate` makes those of other kinds, and needs qemu-img. */
async function makeDisk(path, size) {
  const file = await open(path, 'w');
  await file.truncate(size).finally(() => file.close());
}

function withUnit(size) {
  return size % MIB === 0 ? `${size / MIB} MiB` : `${size / KIB} KiB`;
}

/** Writes `size` pseudo-random bytes and resolves with their SHA-256. */
async function makePayload(path, size) {
  const file = await open(path, 'w');
  try {
    let block = createHash('sha512').update('guestfs').digest();
    const piece = Buffer.alloc(64 * KIB);
    for (let written = 0; written < size; written += piece.length) {
      for (let offset = 0; offset < MIB; offset += block.length) {
        block.copy(piece, offset);
        if (offset % 4096 === 0) block = createHash('sha512').update(block).digest();
      }
      await file.write(piece);
    }
  } finally {
    await file.close();
  }
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Opens a user's own image read-only and shows what is in it. Resolves with the exit status. */
export async function inspect(image) {
  const g = new Guestfs();
  try {
    await showContents(g, image);
    printSummary();
    return 0;
  } finally {
    await g.close();
  }
}

async function showContents(g, image) {
  g.addDrive(image, { readonly: true });
  await step('Boot the appliance with the image, read-only', () => withBar('launching', g.launch()));

  console.log('\nPartitions:');
  for (const partition of await g.listPartitions()) {
    console.log(`  ${partition}  ${await g.blockdevGetsize64(partition)} bytes`);
  }
  console.log('\nFilesystems:');
  const filesystems = Object.entries(await g.listFilesystems());
  for (const [device, type] of filesystems) console.log(`  ${device}  ${type}`);

  console.log('\nOperating systems:');
  const roots = await g.inspectOs();
  if (roots.length === 0) console.log('  none found');
  for (const rootDevice of roots) console.log(`  ${rootDevice}  ${await g.inspectGetProductName(rootDevice)}`);

  const [rootDevice] =
    roots.length > 0
      ? roots
      : filesystems.filter(([, type]) => !['swap', 'unknown'].includes(type)).map(([device]) => device);
  if (rootDevice !== undefined) {
    await g.mountRo(rootDevice, '/');
    console.log(`\nRoot folder of ${rootDevice}:`);
    for (const name of await g.ls('/')) console.log(`  ${name}`);
  }
  await g.shutdown();
}
