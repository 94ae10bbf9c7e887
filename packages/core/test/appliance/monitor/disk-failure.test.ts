import { describe, expect, test } from '@jest/globals';
import type { DriveConfig } from '../../../src/appliance/config/config.js';
import { DiskFailure, launchError, stalledError } from '../../../src/appliance/monitor/disk-failure.js';
import type { DiskError } from '../../../src/appliance/monitor/events.js';

const drives: DriveConfig[] = [
  { file: '/images/a.img', readonly: false },
  { file: '/images/b.img', readonly: true },
  { file: 'export', readonly: false, protocol: 'nbd', servers: ['example.org'] },
];

const FULL: DiskError = {
  device: 'hd0',
  operation: 'write',
  action: 'stop',
  nospace: true,
  reason: 'No space left on device',
};

function failure(error: Partial<DiskError>): DiskFailure {
  const disks = { drives, overlays: '/var/tmp', overlaySetting: 'LIBGUESTFS_TMPDIR' } as const;
  return new DiskFailure({ ...FULL, ...error }, disks);
}

describe('a disk that fails', () => {
  test.each<[Partial<DiskError>, code: string, message: string, cure: string]>([
    [
      {},
      'ERR_GUESTFS_NO_SPACE',
      'the host could not write to the drive "/images/a.img" (/dev/sda): No space left on device',
      'make room for "/images/a.img" (df -h /images)',
    ],
    [
      { device: 'hd1' },
      'ERR_GUESTFS_NO_SPACE',
      'the host could not write to the overlay of the drive "/images/b.img" (/dev/sdb): No space left on device',
      'make room in /var/tmp, where the overlays of read-only drives lie',
    ],
    [
      { device: 'hd2' },
      'ERR_GUESTFS_NO_SPACE',
      'the host could not write to the drive "export" (/dev/sdc): No space left on device',
      'make room where the disk is stored',
    ],
    [
      { device: 'appliance' },
      'ERR_GUESTFS_NO_SPACE',
      "the host could not write to the overlay of the appliance's own disk: No space left on device",
      'LIBGUESTFS_TMPDIR',
    ],
    [
      { nospace: false, reason: 'Disk quota exceeded' },
      'ERR_GUESTFS_NO_SPACE',
      'the host could not write to the drive "/images/a.img" (/dev/sda): Disk quota exceeded',
      'make room for "/images/a.img"',
    ],
    [
      { device: 'hd1', operation: 'read', nospace: false, reason: 'Input/output error' },
      'EIO',
      'the host could not read from the drive "/images/b.img" (/dev/sdb): Input/output error',
      'mend the disk',
    ],
    // What libvirt tells has no words of the host.
    [{ nospace: false, reason: '' }, 'EIO', 'Input/output error', 'mend the disk'],
    [{ reason: '' }, 'ERR_GUESTFS_NO_SPACE', 'No space left on device', 'make room'],
    [{ device: 'mine' }, 'ERR_GUESTFS_NO_SPACE', 'could not write to the disk "mine"', 'make room where'],
    [{ device: 'hd9' }, 'ERR_GUESTFS_NO_SPACE', 'could not write to the disk "hd9"', 'make room where'],
    [{ device: '' }, 'ERR_GUESTFS_NO_SPACE', 'could not write to a disk', 'make room where'],
  ])('%j', (error, code, message, cure) => {
    const told = failure(error);
    expect(told.code).toBe(code);
    expect(told.message).toContain(message);
    expect(told.cure).toContain(cure);
  });
});

describe('the error of a call', () => {
  test('names every disk, once each cure, and the call', () => {
    const error = stalledError(
      [failure({}), failure({ device: 'hd1', nospace: false, reason: 'Input/output error' })],
      {
        operation: 'sync',
        serial: 4,
      },
    );
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_NO_SPACE', operation: 'sync', serial: 4 });
    expect(error.reason).toBe(
      'the host could not write to the drive "/images/a.img" (/dev/sda): No space left on device; ' +
        'the host could not write to the overlay of the drive "/images/b.img" (/dev/sdb): Input/output error; ' +
        'the appliance is paused',
    );
    expect(error.hint).toContain('call again');
    expect(stalledError([failure({}), failure({})], {}).hint?.match(/make room/g)).toHaveLength(1);
  });

  test('that no room is wanted for is EIO, with its number', () => {
    expect(stalledError([failure({ nospace: false, reason: '' })], {})).toMatchObject({ code: 'EIO', errno: 5 });
  });

  test('of a launch says to launch again', () => {
    const error = launchError(failure({}));
    expect(error.reason).toContain('; the appliance could not start');
    expect(error.hint).toContain('then launch again');
  });
});
