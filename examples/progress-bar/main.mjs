// A progress bar for the three kinds of progress: the launch, a call that knows how far it is, and one that does not.
import { Guestfs } from 'guestfs';
import { withBar } from './bar.mjs';

const size = BigInt(process.argv[2] ?? 256) * 1024n * 1024n;

const g = new Guestfs();
try {
  g.addDriveScratch(size);
  await withBar('launch', g.launch());

  // Determinate: the daemon says how many bytes of the disk are done.
  await withBar('zero the disk', g.zeroDevice('/dev/sda'));

  await g.partDisk('/dev/sda', 'mbr');
  await g.mkfs('ext4', '/dev/sda1');
  await g.mount('/dev/sda1', '/');
  await withBar('fill a file', g.fill(0x67, Number(size / 2n), '/big'));

  // Pulse mode: a checksum does not say how far it is, only that it goes on.
  const sum = await withBar('checksum (pulse)', g.checksum('sha512', '/big'));
  console.log(`sha512 ${sum.slice(0, 16)}…`);
  await g.shutdown();
} finally {
  await g.close();
}
