import { describe, expect, test } from '@jest/globals';
import type { DriveConfig } from '../../../src/appliance/config/config.js';
import { checkDriveConfigs, checkDriveCount, MAXIMUM_DRIVES } from '../../../src/appliance/drives/drive.js';
import { networkSource } from '../../../src/appliance/drives/source.js';

const drive = (change: Record<string, unknown>): DriveConfig => ({ file: '/disk.img', readonly: false, ...change });

describe('drives of whatever origin', () => {
  test.each<[string, Record<string, unknown>]>([
    ['argument `filename` must be a string', { file: 7 }],
    ['argument `filename` must not hold a NUL character', { file: 'a\0b' }],
    ['argument `filename` must be the path of a disk image', { file: '' }],
    ['option `readonly` must be a boolean', { readonly: 'no' }],
    ['option `format` must be a string', { format: 1 }],
    ['option `format` must be made of', { format: 'raw,if=ide' }],
    ['option `format` must be `raw` for /dev/null', { file: '/dev/null', format: 'qcow2' }],
    ['option `label` must be 1 to 20', { label: 'a1' }],
    ['option `blocksize` must be 512 or 4096', { blocksize: 1024 }],
    ['option `cachemode` must be one of', { cachemode: 'none' }],
    ['option `discard` must be one of', { discard: 'on' }],
    ['option `discard` must not be `enable` on a read-only', { readonly: true, discard: 'enable', format: 'raw' }],
    ['option `discard` must not be `enable` unless', { discard: 'enable' }],
    ['option `server` must not be given for a file', { servers: ['h'] }],
    ['option `server[1]` must be a string', { protocol: 'rbd', servers: ['h:1', 2] }],
    ['option `protocol` must be one of', { protocol: 'gopher', servers: ['h'] }],
    ['option `protocol` must be one of', { protocol: 'toString', servers: ['h'] }],
    ['option `server` must be a list of exactly one', { protocol: 'nbd' }],
    ['option `server` must be a list of exactly one', { protocol: 'http', servers: ['a', 'b'] }],
    ['option `server[0]` must be HOST', { protocol: 'nbd', servers: ['h,file.x=y'] }],
    ['option `server[0]` must have a port from 1', { protocol: 'nbd', servers: ['h:70000'] }],
    ['option `server[0]` must be a TCP server', { protocol: 'http', servers: ['unix:/s'] }],
    ['argument `filename` must be a path that starts', { protocol: 'ssh', file: 'x', servers: ['h'] }],
    ['option `secret` must not be given for nbd', { protocol: 'nbd', servers: ['h'], secret: 's' }],
    ['option `secret` must not be given for ssh', { protocol: 'ssh', servers: ['h'], secret: 's' }],
    ['argument `filename` must be POOL/IMAGE', { protocol: 'rbd', file: 'image' }],
    ['for http, which cannot discard', { protocol: 'http', servers: ['h'], discard: 'enable', format: 'raw' }],
    ['argument `filename` must not hold a lone', { protocol: 'http', file: '/\ud800', servers: ['h'] }],
  ])('are checked at the launch: %s', (reason, change) => {
    const drives = [drive({}), drive(change)];
    const { file } = drives[1]!;
    expect(() => checkDriveConfigs(drives)).toThrow(
      expect.objectContaining({
        code: 'ERR_GUESTFS_ARGUMENT',
        reason: expect.stringMatching(`^the drive ${JSON.stringify(file).replaceAll('\\', '\\\\')}: `),
        message: expect.stringContaining(reason),
      }),
    );
  });

  test('are at most 255', () => {
    expect(() => checkDriveCount(MAXIMUM_DRIVES)).not.toThrow();
    const many = Array.from({ length: MAXIMUM_DRIVES + 1 }, () => drive({}));
    expect(() => checkDriveConfigs(many)).toThrow(/at most 255 drives, not 256/);
  });

  test.each<[string, string, string[]]>([
    ['http', '/a b', ['h']],
    ['https', '/', ['[::1]:8443']],
    ['ftp', '/x', ['tcp:h']],
    ['ftps', '/x', ['10.0.0.1:21']],
    ['iscsi', 'iqn.x:y/3', ['h']],
    ['iscsi', 'iqn.x:y', ['[fe80::1]']],
    ['nbd', '', ['unix:/run/a,b']],
    ['nbd', '/any/name', ['h:10']],
    ['rbd', 'pool/image', []],
    ['rbd', 'pool/space/image', ['a:1', '[::1]:2']],
    ['ssh', '/x', ['h:2222']],
  ])('are taken: %s %j on %j', (protocol, file, servers) => {
    const config = drive({ protocol, file, servers });
    expect(() => checkDriveConfigs([config])).not.toThrow();
    expect(networkSource(config, 's').options[0]).toEqual(['file.driver', protocol]);
  });

  test('may leave out what is undefined', () => {
    expect(() => checkDriveConfigs([drive({ format: undefined, servers: undefined, label: undefined })])).not.toThrow();
  });
});
