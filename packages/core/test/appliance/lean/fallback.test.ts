import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { DirectBackend } from '../../../src/appliance/direct-backend.js';
import type { LaunchConfig } from '../../../src/appliance/config/config.js';
import { FakeHost, HEALTHY, Reports } from '../fake-qemu.js';

// Every fake qemu is a process of its own: on a busy machine they take their time.
jest.setTimeout(120_000);

/** Comes up only with the initrd that came with the appliance; the lean one lies in the machine's private folder. */
const ONLY_STOCK = `if (after('-initrd').includes('/sock/')) { console.log('guest-init: no root disk: error 2'); process.exit(0); } ${HEALTHY}`;

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
  const [release] = await readdir('/lib/modules');
  const kernel = Buffer.alloc(4096);
  kernel.write('HdrS', 0x202, 'latin1');
  kernel.writeUInt16LE(0x300, 0x20e);
  kernel.write(`${release} (somebody) #1\0`, 0x500, 'latin1');
  await writeFile(join(host.folder, 'lib/kernel'), kernel);
});
afterEach(() => host.remove());

async function launch(change: Partial<LaunchConfig> = {}): Promise<{ log: string; args: string }> {
  const reports = new Reports();
  const session = await new DirectBackend({ kvmDevice: join(host.folder, 'kvm') }).launch(host.config(change), reports);
  await session.shutdown();
  const log = reports.lines.join('\n');
  return { log, args: reports.lines.findLast((line) => line.includes('-initrd')) ?? '' };
}

test('a launch boots the lean initrd, with the root on a disk of its own kind', async () => {
  await host.qemu(HEALTHY);
  const { args } = await launch();
  expect(args).toContain(`${host.folder}/sock/`);
  expect(args).toContain('virtio-blk-pci,drive=appliance');
  expect(args).toContain('root=/dev/vda');
});

test('where it does not come up, the same launch goes on with the other, and later ones begin with that', async () => {
  await host.qemu(ONLY_STOCK);
  const first = await launch();
  expect(first.log).toMatch(/the lean one did not come up, going on with the appliance's own: .*exited with status 0/);
  expect(first.args).toContain(`-initrd ${host.folder}/lib/initrd`);
  const second = await launch();
  expect(second.log).toContain('the lean one failed with this kernel');
  expect(second.log).not.toContain('did not come up');
  expect(await host.leftOver()).toEqual([]);
});

test.each<Partial<LaunchConfig>>([
  { network: true },
  { verbose: true },
  { append: 'x=1' },
  { backendSettings: ['force_tcg', 'no_lean'] },
])('%j boots the initrd that came with the appliance', async (change) => {
  await host.qemu(HEALTHY);
  const { args } = await launch(change);
  expect(args).toContain(`-initrd ${host.folder}/lib/initrd`);
});

test('a disk that qemu refuses is no reason to try the other', async () => {
  await host.qemu(`console.error('qemu: -drive id=hd0,if=none: Could not open: Permission denied'); process.exit(1);`);
  const drives = [{ file: await host.disk(), readonly: false }];
  await expect(launch({ drives })).rejects.toMatchObject({ code: 'ERR_GUESTFS_DRIVE' });
});
