import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { environmentDefaults, findQemu, hostCpu, prepareAppliance } from '@guestfs/core/appliance';

const run = promisify(execFile);

/** Runs guestfsd for one client after the other, as a service manager does in a guest. */
const INIT = `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/disk/by-path /srv
mount -t tmpfs tmpfs /srv
while :; do
  echo live guest: guestfsd starts
  for port in /dev/vport*p1; do /usr/sbin/guestfsd -r -c $port; done
  sleep 0.1
done
`;

/** A virtual machine with guestfsd inside, which is nobody's appliance: what a live guest is to this library. */
export interface LiveGuest extends AsyncDisposable {
  /** The socket on which qemu listens, behind it the guest's port for guestfsd. */
  readonly socket: string;
  readonly folder: string;
  readonly pid: number;
  console(): string;
  running(): boolean;
}

export interface LiveGuestOptions {
  /** A raw disk: the machine is then as an appliance with it, whose guestfsd serves one client and works on its disks. */
  readonly disk?: string;
}

/** Boots one under software emulation and resolves when its guestfsd is about to start. */
export async function startLiveGuest(options: LiveGuestOptions = {}): Promise<LiveGuest> {
  const folder = await mkdtemp(join(tmpdir(), 'gfs-live-'));
  try {
    return await boot(folder, options.disk);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function boot(folder: string, disk: string | undefined): Promise<LiveGuest> {
  const { path, cachedir } = environmentDefaults(process.env);
  const cpu = hostCpu();
  const signal = new AbortController().signal;
  const appliance = await prepareAppliance({ path, cachedir, cpu, verbose: false, signal, log: () => undefined });
  const root = join(folder, 'root.img');
  await run('cp', ['--sparse=always', appliance.root!, root]);
  if (disk === undefined) await replaceInit(folder, root);
  const socket = join(folder, 'channel.sock');
  const { file } = await findQemu(undefined, cpu);
  const child = spawn(file, [
    ...[
      '-nodefaults',
      '-display',
      'none',
      '-machine',
      'accel=tcg',
      '-cpu',
      'max',
      '-m',
      '512',
      '-no-reboot',
      '-serial',
      'stdio',
    ],
    ...['-kernel', appliance.kernel, '-initrd', appliance.initrd],
    ...[
      '-append',
      `panic=1 console=ttyS0 quiet usbcore.nousb cryptomgr.notests root=UUID=${appliance.rootUuid} selinux=0`,
    ],
    ...[
      '-device',
      'virtio-scsi-pci',
      ...(disk === undefined
        ? []
        : ['-drive', `file=${disk},if=none,id=disk,format=raw`, '-device', 'scsi-hd,drive=disk']),
    ],
    ...['-drive', `file=${root},if=none,id=root,format=raw,cache=unsafe`, '-device', 'scsi-hd,drive=root'],
    ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=channel,path=${socket},server=on,wait=off`],
    ...['-device', 'virtserialport,chardev=channel,nr=1,name=org.libguestfs.channel.0'],
  ]);
  let console = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (console += text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const dispose = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  for (
    const deadline = Date.now() + 180_000;
    !/guestfsd starts|Starting \/init/.test(console) || !existsSync(socket);
    await delay(100)
  ) {
    if (running() && Date.now() < deadline) continue;
    await dispose();
    throw new Error(`the guest did not come up: ${console.slice(-2000)}`);
  }
  return { socket, folder, pid: child.pid!, console: () => console, running, [Symbol.asyncDispose]: dispose };
}

async function replaceInit(folder: string, root: string): Promise<void> {
  const init = join(folder, 'init');
  const commands = join(folder, 'commands');
  await writeFile(init, INIT);
  await writeFile(commands, `rm /init\nwrite ${init} /init\nset_inode_field /init mode 0100755\n`);
  await run('/sbin/debugfs', ['-w', '-f', commands, root]);
  await rm(init);
}
