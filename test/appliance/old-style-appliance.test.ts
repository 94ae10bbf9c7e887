import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Guestfs } from 'guestfs';
import { environmentDefaults, hostCpu, prepareAppliance } from '@guestfs/core/appliance';

const run = promisify(execFile);
// Owners and devices of the files can be kept by root only.
const asRoot = process.geteuid?.() === 0 ? test : test.skip;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gfs-old-style-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Does first what is otherwise the mini-initrd's work. */
const INIT = `#!/bin/sh
mount -t devtmpfs dev /dev
modprobe -a virtio_pci virtio_scsi sd_mod virtio_console virtio_rng
exec /init.appliance
`;

/** Packs an appliance's root into its initrd: nobody makes such appliances any more. */
async function makeOldStyle(target: string): Promise<void> {
  const { path, cachedir } = environmentDefaults(process.env);
  const cpu = hostCpu();
  const signal = new AbortController().signal;
  const { kernel, root } = await prepareAppliance({
    path,
    cachedir,
    cpu,
    verbose: false,
    signal,
    log: () => undefined,
  });
  const tree = join(folder, 'tree');
  await mkdir(tree);
  await mkdir(target);
  await run('/sbin/debugfs', ['-R', `rdump / ${tree}`, root!]);
  await rename(join(tree, 'init'), join(tree, 'init.appliance'));
  await writeFile(join(tree, 'init'), INIT, { mode: 0o755 });
  await copyFile(kernel, join(target, `vmlinuz.${cpu}`));
  await run('sh', [
    '-c',
    'cd "$1" && find . | cpio --quiet -o -H newc >"$2"',
    'sh',
    tree,
    join(target, `initramfs.${cpu}.img`),
  ]);
  await rm(tree, { recursive: true });
}

asRoot(
  'an appliance of the old style, whose initrd is all of it, boots and works',
  async () => {
    const target = join(folder, 'appliance');
    await makeOldStyle(target);
    await using g = new Guestfs();
    const log: string[] = [];
    g.on('library', ({ text }) => log.push(text));
    // The whole of it is in memory, at first twice.
    g.setMemsize(2048);
    g.setPath(target);
    g.addDriveScratch(16 * 1024 * 1024);
    await g.launch();
    expect(log.join('')).toContain(`ready made in ${target}`);
    expect(await g.listDevices()).toEqual(['/dev/sda']);
    await g.mkfs('ext2', '/dev/sda');
    await g.mount('/dev/sda', '/');
    await g.write('/hello', 'old style');
    expect(await g.cat('/hello')).toBe('old style');
    await g.shutdown();
  },
  240_000,
);
