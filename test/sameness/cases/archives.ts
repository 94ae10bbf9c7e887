import { call, freshExt, group, receive, save, saved, send, STATUS, varying } from '../case.js';

/** Gives every entry the same times, so that archives are the same byte for byte. */
const timeless = (...paths: string[]) =>
  paths.map((path) => call('utimens', path, 1_600_000_000n, 0n, 1_600_000_000n, 0n));
const squashed = {
  bytes: (content: Buffer): string => `${content.toString('latin1', 0, 4)} ${content.readUInt32LE(4)} inodes`,
  because: 'a squashfs carries the time at which it was made',
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
  call('tar_out', '/tree', receive, { compress: 'nonsense' }),
  save(
    'xattrs',
    varying(
      {
        bytes: (content) => String(content.includes('user.kept')),
        because: 'the extended headers carry times of access',
      },
      call('tar_out', '/tree', receive, { xattrs: true }),
    ),
  ),
  call('tar_out', '/none', receive),
  call('tgz_out', '/tree', receive),
  save('xz', call('txz_out', '/tree', receive)),
  save(
    'cpio',
    varying(
      { bytes: (content) => content.toString('latin1', 0, 6), because: 'cpio stores times of change' },
      call('cpio_out', '/tree', receive, { format: 'newc' }),
    ),
  ),
  call('cpio_out', '/tree', receive, { format: 'nonsense' }),
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
  call('tar_in', send('this is no tar at all, but long enough to be looked at'.repeat(30)), '/in'),
  call('tar_in', send(saved('tar')), '/none'),
  call('tar_in', send(saved('tar')), '/tree/file'),
  call('compress_out', 'gzip', '/tree/file', receive, { level: 9 }),
  call('compress_out', 'xz', '/tree/file', receive),
  call('compress_out', 'bzip2', '/tree/file', receive),
  call('compress_out', 'nonsense', '/tree/file', receive),
  call('zero_device', '/dev/sde'),
  call('compress_device_out', 'gzip', '/dev/sde', receive),
  varying(squashed, call('mksquashfs', '/tree', receive, { compress: 'gzip' })),
  call('upload', send(saved('cpio')), '/cpio'),
  save(
    'initrd',
    varying(
      { bytes: (content) => content.toString('hex', 0, 3), because: 'cpio stores times of change' },
      call('compress_out', 'gzip', '/cpio', receive),
    ),
  ),
  call('upload', send(saved('initrd')), '/initrd'),
  call('initrd_list', '/initrd'),
  call('initrd_cat', '/initrd', 'sub/ünï'),
  call('initrd_cat', '/initrd', 'none'),
  call('zfile', 'gzip', '/initrd'),
  call('tar_out', '/tree', receive, { compress: 'bzip2' }),
  call('rm_rf', '/in'),
  call('umount_all'),
);
