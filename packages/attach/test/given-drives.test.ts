import { describe, expect, test } from '@jest/globals';
import type { DriveConfig } from '@guestfs/core';
import { launchConfig, launchContext } from '../../../test/support/launch-settings.js';
import { libvirtBackend } from '../src/libvirt.js';
import { replayBackend } from '../src/replay.js';

const file = '/disk.img';
const MANY = Array.from({ length: 256 }, (): DriveConfig => ({ file, readonly: true }));

const WRONG: [reason: string, drives: DriveConfig[]][] = [
  ['the drive "/disk.img": option `label` must be', [{ file, readonly: true, label: 'a1' }]],
  ['option `server[0]` must be HOST', [{ file, readonly: true, protocol: 'nbd', servers: ['a:b:1'] }]],
  [
    'option `secret` must not be given for ssh',
    [{ file, readonly: true, protocol: 'ssh', servers: ['h'], secret: 's' }],
  ],
  ['an appliance takes at most 255 drives, not 256', MANY],
];

describe.each([libvirtBackend({ uri: 'test:///default' }), replayBackend('/nowhere.session')])(
  'the backend $name, used without a handle,',
  (backend) => {
    test.each(WRONG)('checks its drives before all else: %s', async (reason, drives) => {
      const { context, log } = launchContext();
      await expect(backend.launch(launchConfig({ drives }), context)).rejects.toMatchObject({
        code: 'ERR_GUESTFS_ARGUMENT',
        reason: expect.stringContaining(reason),
      });
      expect(log).toEqual([]);
    });
  },
);
