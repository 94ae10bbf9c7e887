import { gunzipSync } from 'node:zlib';
import { call, freshExt, group, receive, refused, save, saved, send, varying } from '../case.js';
import { STATUS } from '../rule.js';

/** Gives every entry the same times, so that archives are the same byte for byte. */
const timeless = (...paths: string[]) =>
  paths.map((path) => call('utimens', path, 1_600_000_000n, 0n, 1_600_000_000n, 0n));
const text = (content: Buffer): string => content.toString('latin1');
/** Every header has the number of the disk after eight other numbers of eight digits. */
const undevised = (cpio: Buffer): string => text(cpio).replaceAll(/(?<=070701[0-9A-F]{56})[0-9A-F]{16}/g, '<device>');
const KERNEL_NUMBER = 'the kernel numbers the disks in the order in which it finds them, and cpio stores the number';
const SQUASHED = {
  bytes: (content: Buffer): string => text(Buffer.from(content).fill(0, 8, 12)),
  because: 'the superblock tells when it was made',
} as const;
/** The extended headers of a tar have records of access and change, and their lengths and sums follow from them. */
const XATTRS = {
  bytes: (content: Buffer): string =>
    text(content)
      .replaceAll(/\d+ [ac]time=[\d.]+\n/g, '')
      .replaceAll(/\0+/g, '\0')
      .replaceAll(/\d{11}\0\d{11}\0\d{6}\0 x/g, '<extended>'),
  because: 'the extended headers carry times of access and change',
} as const;

export const archives = group(
  'archives',
  freshExt('/dev/sda'),
  call('mount', '/dev/sda', '/'),
  call('mkdir_p', '/tree/sub'),
  call('write', '/tree/file', Buffer.from('text\n'.repeat(3000))),
  call('write', '/tree/sub/ünï', Buffer.from('x')),
  call('ln_s', 'file', '/tree/link'),
  call('ln', '/tree/file', '/tree/hard'),
  call('chown', 7, 8, '/tree/sub/ünï'),
  call('setxattr', 'user.kept', 'yes', 3, '/tree/file'),
  timeless('/tree/file', '/tree/sub/ünï', '/tree/link', '/tree/sub', '/tree'),
  save('tar', call('tar_out', '/tree', receive)),
  call('tar_out', '/tree', receive, { numericowner: true, excludes: ['sub*'] }),
  save('gz', call('tar_out', '/tree', receive, { compress: 'gzip' })),
  refused(call('tar_out', '/tree', receive, { compress: 'nonsense' })),
  save('xattrs', varying(XATTRS, call('tar_out', '/tree', receive, { xattrs: true }))),
  refused(call('tar_out', '/none', receive)),
  call('tgz_out', '/tree', receive),
  save('xz', call('txz_out', '/tree', receive)),
  save(
    'cpio',
    varying({ bytes: undevised, because: KERNEL_NUMBER }, call('cpio_out', '/tree', receive, { format: 'newc' })),
  ),
  refused(call('cpio_out', '/tree', receive, { format: 'nonsense' })),
  call('mkdir', '/in'),
  call('tar_in', send(saved('tar')), '/in'),
  call('checksums_out', 'md5', '/in', receive),
  varying(STATUS, call('lstatnslist', '/in', ['file', 'hard', 'link', 'sub'])),
  call('mkdir', '/in2'),
  call('tgz_in', send(saved('gz')), '/in2'),
  call('tar_in', send(saved('gz')), '/in2', { compress: 'gzip' }),
  call('txz_in', send(saved('xz')), '/in2'),
  call('find', '/in2'),
  call('mkdir', '/in3'),
  call('tar_in', send(saved('xattrs')), '/in3', { xattrs: true }),
  call('getxattrs', '/in3/file'),
  refused(call('tar_in', send('this is no tar at all, but long enough to be looked at'.repeat(30)), '/in')),
  refused(call('tar_in', send(saved('tar')), '/none')),
  refused(call('tar_in', send(saved('tar')), '/tree/file')),
  call('compress_out', 'gzip', '/tree/file', receive, { level: 9 }),
  call('compress_out', 'xz', '/tree/file', receive),
  call('compress_out', 'bzip2', '/tree/file', receive),
  refused(call('compress_out', 'nonsense', '/tree/file', receive)),
  call('zero_device', '/dev/sde'),
  call('compress_device_out', 'gzip', '/dev/sde', receive),
  varying(SQUASHED, call('mksquashfs', '/tree', receive, { compress: 'gzip' })),
  call('upload', send(saved('cpio')), '/cpio'),
  timeless('/cpio'),
  save(
    'initrd',
    varying(
      { bytes: (content) => undevised(gunzipSync(content)), because: KERNEL_NUMBER },
      call('compress_out', 'gzip', '/cpio', receive),
    ),
  ),
  call('upload', send(saved('initrd')), '/initrd'),
  call('initrd_list', '/initrd'),
  call('initrd_cat', '/initrd', 'sub/ünï'),
  refused(call('initrd_cat', '/initrd', 'none')),
  call('zfile', 'gzip', '/initrd'),
  call('tar_out', '/tree', receive, { compress: 'bzip2' }),
  call('rm_rf', '/in'),
  call('umount_all'),
);
