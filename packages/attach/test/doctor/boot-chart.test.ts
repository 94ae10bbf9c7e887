import { expect, test } from '@jest/globals';
import { BootLog, formatBootChart } from '../../src/doctor/boot-chart.js';

test('a boot’s log becomes spans without gaps, by the kernel’s own clock where it has one', () => {
  const log = new BootLog();
  // The console was slow: the first line came 500 ms after it was made, the second at once.
  log.add('SeaBIOS\r\n[    0.000000] Linux ver', 1500);
  log.add('sion 6.1.0\r\n', 1500);
  log.add('[    2.000000] sd 0:0:0:0: x\n[    2.500000] Run /init as init process\n', 3500);
  log.add('supermin: ext2 mini initrd starting up: 5.2.2\nsupermin: chroot\nStarting /init script ...\n', 4000);
  log.add('+ /lib/systemd/systemd-udevd --daemon\n', 5000);
  log.add('+ udevadm settle\n+ ip addr show\n', 7000);
  log.add('+ lvm vgs\n+ cmd="guestfsd --verbose"\n', 8000);
  expect(log.finish(9000)).toEqual([
    { name: 'qemu and firmware', start: 0, end: 1500 },
    { name: 'kernel', start: 1500, end: 3500 },
    { name: 'initrd: modules, root', start: 3500, end: 4000 },
    { name: 'init: before udev', start: 4000, end: 5000 },
    { name: 'udev: devices', start: 5000, end: 7000 },
    { name: 'init: MD, LVM, dumps', start: 7000, end: 8000 },
    { name: 'guestfsd', start: 8000, end: 9000 },
  ]);
});

test('marks that are not there are left out, and what comes late or twice changes nothing', () => {
  const log = new BootLog();
  log.add('Starting /init script ...\nLinux version 6\n', 1000);
  expect(log.finish(2000)).toEqual([
    { name: 'initrd: modules, root', start: 0, end: 1000 },
    { name: 'guestfsd', start: 1000, end: 2000 },
  ]);
  expect(new BootLog().finish(5)).toEqual([{ name: 'guestfsd', start: 0, end: 5 }]);
});

test('the chart shows each span where it lies', () => {
  const chart = formatBootChart(
    [
      { name: 'kernel', start: 0, end: 3000 },
      { name: 'init', start: 3000, end: 4000 },
      { name: 'x', start: 4000, end: 4000 },
    ],
    8,
  );
  expect(chart.split('\n')).toEqual([
    'kernel    3.00 s  ██████',
    'init      1.00 s        ██',
    'x         0.00 s          ▏',
    'total     4.00 s',
  ]);
});
