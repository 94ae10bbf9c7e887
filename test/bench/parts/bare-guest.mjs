import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { environmentDefaults, findQemu, hostCpu, prepareAppliance } from '@guestfs/core/appliance';
import { openBare } from './bare.mjs';
import { callFrame, int, PROC, string } from './wire.mjs';

/** A bare socket to the daemon in an emulated machine of its own, with a file system on its disk mounted. */
export async function openBareGuest(folder, disk) {
  const socket = join(folder, 'guest.sock');
  const child = spawn((await findQemu(undefined, hostCpu())).file, await machine(folder, disk, socket), {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    while (!existsSync(socket)) {
      if (child.exitCode !== null) throw new Error('qemu did not start');
      await sleep(50);
    }
    const bare = await openBare(socket);
    const none = [int(0), string(''), int(0), int(0), string('')];
    await bare.replies(callFrame(PROC.mkfs, string('ext4'), string('/dev/sda'), ...none), 1);
    await bare.replies(callFrame(PROC.mount, string('/dev/sda'), string('/')), 1);
    return {
      ...bare,
      async close() {
        bare.close();
        child.kill('SIGKILL');
        await ended;
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** qemu's arguments, as upstream has them; the daemon's port listens instead of connecting. */
async function machine(folder, disk, socket) {
  const { path, cachedir } = environmentDefaults(process.env);
  const { signal } = new AbortController();
  const log = () => undefined;
  const appliance = await prepareAppliance({ path, cachedir, cpu: hostCpu(), verbose: false, signal, log });
  const root = join(folder, 'root.img');
  await promisify(execFile)('cp', ['--sparse=always', appliance.root, root]);
  const kernel = `panic=1 quiet usbcore.nousb cryptomgr.notests root=UUID=${appliance.rootUuid} selinux=0`;
  return [
    ...['-nodefaults', '-display', 'none', '-machine', 'accel=tcg', '-cpu', 'max', '-m', '1280', '-no-reboot'],
    ...['-kernel', appliance.kernel, '-initrd', appliance.initrd, '-append', kernel],
    ...['-device', 'virtio-scsi-pci', '-drive', `file=${disk},if=none,id=disk,format=raw`],
    ...['-device', 'scsi-hd,drive=disk', '-drive', `file=${root},if=none,id=root,format=raw,cache=unsafe`],
    ...['-device', 'scsi-hd,drive=root', '-device', 'virtio-serial-pci'],
    ...['-chardev', `socket,id=channel,path=${socket},server=on,wait=off`],
    ...['-device', 'virtserialport,chardev=channel,nr=1,name=org.libguestfs.channel.0'],
  ];
}
