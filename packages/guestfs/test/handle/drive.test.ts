import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeDrive } from '@guestfs/core/appliance';
import type { AddDriveOptions } from 'guestfs';
import { Guestfs, GuestfsPool } from 'guestfs';
import { handleOf } from '../../src/handle/registry.js';

let folder: string;
let image: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'guestfs-drive-'));
  image = join(folder, 'a,b:c.img');
  writeFileSync(image, 'disk');
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a drive', () => {
  test('keeps its file name and options as they are', () => {
    expect(makeDrive(image, { format: 'raw', label: 'data', discard: 'besteffort', blocksize: 4096 })).toEqual({
      file: image,
      readonly: false,
      format: 'raw',
      label: 'data',
      discard: 'besteffort',
      blocksize: 4096,
    });
    expect(makeDrive('/dev/null', {})).toEqual({ file: '/dev/null', readonly: false, format: 'raw' });
    expect(makeDrive('export', { protocol: 'nbd', server: ['unix:/run/nbd'] })).toMatchObject({
      protocol: 'nbd',
      servers: ['unix:/run/nbd'],
    });
  });

  test('of a file that is not there tells the errno', () => {
    expect(() => makeDrive(join(folder, 'no'), {})).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  test('of a directory, or of what is no file, is refused', () => {
    expect(() => makeDrive(folder, {})).toThrow(
      expect.objectContaining({ code: 'ERR_GUESTFS_DRIVE', reason: expect.stringContaining('is a directory') }),
    );
    expect(() => makeDrive('/dev/zero', {})).toThrow(/is neither a file nor a block device/);
  });

  test('keeps the servers that it was given, whatever becomes of the list', () => {
    const server = ['a:1'];
    const drive = makeDrive('pool/image', { protocol: 'rbd', server });
    server.push('not a server');
    expect(drive.servers).toEqual(['a:1']);
  });

  test('may have the path of /dev/null on a server', () => {
    const drive = makeDrive('/dev/null', { protocol: 'ssh', server: ['h'], format: 'qcow2' });
    expect(drive).toMatchObject({ file: '/dev/null', protocol: 'ssh', format: 'qcow2' });
  });
});

const nbd = { protocol: 'nbd', server: ['h'] };
const ssh = { protocol: 'ssh', server: ['h'] };
const iscsi = { protocol: 'iscsi', server: ['h'] };
const rbd = { protocol: 'rbd', server: ['h:1'] };
const https = { protocol: 'https', server: ['h'] };

/** Every rule: null stands for the image of a file. */
const REFUSED: [name: string | null, options: AddDriveOptions, reason: string][] = [
  ['', {}, 'argument `filename` must be the path of a disk image or a block device, not empty'],
  [null, { label: '' }, 'option `label` must be 1 to 20 ASCII letters'],
  [null, { label: 'x'.repeat(21) }, 'option `label` must be'],
  [null, { label: 'a1' }, 'option `label` must be'],
  [null, { format: 'raw,x=y' }, 'option `format` must be made of ASCII letters, digits, `_` and `-`'],
  [null, { format: '' }, 'option `format` must be made of'],
  ['/dev/null', { format: 'qcow2' }, 'option `format` must be `raw` for /dev/null'],
  [null, { cachemode: 'none' }, 'option `cachemode` must be one of `writeback`, `unsafe`'],
  [null, { discard: 'on' }, 'option `discard` must be one of `disable`, `enable`, `besteffort`'],
  [
    null,
    { discard: 'enable', format: 'raw', readonly: true },
    'option `discard` must not be `enable` on a read-only drive',
  ],
  [null, { discard: 'enable' }, 'option `discard` must not be `enable` unless `format` is `raw` or `qcow2`'],
  [null, { discard: 'enable', format: 'vmdk' }, 'option `discard` must not be `enable` unless'],
  ['/x', { ...https, discard: 'enable', format: 'raw' }, 'option `discard` must not be `enable` for https'],
  ['/x', { ...ssh, discard: 'enable', format: 'raw' }, 'option `discard` must not be `enable` for ssh'],
  [null, { blocksize: 1024 }, 'option `blocksize` must be 512 or 4096'],
  [null, { server: ['host'] }, 'option `server` must not be given for a file'],
  [null, { username: 'me' }, 'option `username` must not be given for a file'],
  [null, { secret: 'x' }, 'option `secret` must not be given for a file'],
  [null, { protocol: 'file', secret: 'x' }, 'option `secret` must not be given for a file'],
  ['x', { protocol: 'gopher' }, 'option `protocol` must be one of file, ftp, ftps, http, https, iscsi, nbd, rbd, ssh'],
  ['x', { protocol: 'constructor' }, 'option `protocol` must be one of'],
  ['x', { protocol: '' }, 'option `protocol` must be one of'],
  ['x', { protocol: 'nbd' }, 'option `server` must be a list of exactly one server for nbd, not 0'],
  ['x', { protocol: 'nbd', server: ['a', 'b'] }, 'option `server` must be a list of exactly one server for nbd, not 2'],
  ['x', { ...nbd, username: 'u' }, 'option `username` must not be given for nbd'],
  ['x', { ...nbd, secret: 's' }, 'option `secret` must not be given for nbd'],
  [
    'x',
    { ...nbd, server: ['a:b:1'] },
    'option `server[0]` must be HOST, HOST:PORT, [IPv6]:PORT or unix:PATH, not "a:b:1"',
  ],
  ['x', { ...nbd, server: ['[zz]'] }, 'option `server[0]` must be HOST'],
  ['x', { ...nbd, server: ['[::::]:1'] }, 'option `server[0]` must be HOST'],
  ['x', { ...nbd, server: ['::1'] }, 'option `server[0]` must be HOST'],
  ['x', { ...nbd, server: [''] }, 'option `server[0]` must be HOST'],
  ['x', { ...nbd, server: ['tcp:'] }, 'option `server[0]` must be HOST'],
  ['x', { ...nbd, server: ['h,file=x'] }, 'option `server[0]` must be HOST'],
  ['x', { ...nbd, server: ['h:0'] }, 'option `server[0]` must have a port from 1 to 65535'],
  ['x', { ...nbd, server: ['h:70000'] }, 'option `server[0]` must have a port from 1 to 65535'],
  ['x', { ...nbd, server: ['h'.repeat(256)] }, 'option `server[0]` must have a host name of at most 255 letters'],
  ['x', { ...nbd, server: ['unix:'] }, 'option `server[0]` must name a socket after `unix:`'],
  ['\ud800', nbd, 'argument `filename` must not hold a lone surrogate'],
  ['/x', { ...ssh, server: ['unix:/x'] }, 'option `server[0]` must be a TCP server'],
  ['/x', { ...ssh, username: '' }, 'option `username` must not be empty for ssh'],
  ['/x', { ...ssh, username: '\udc80' }, 'option `username` must not hold a lone surrogate'],
  ['/x', { ...ssh, secret: 's' }, 'option `secret` must not be given for ssh'],
  ['x', ssh, 'argument `filename` must be a path that starts with a slash, for ssh'],
  ['', https, 'argument `filename` must be a path that starts with a slash, for https'],
  ['/\ud800', https, 'argument `filename` must not hold a lone surrogate'],
  ['/x', { ...https, secret: '\ud800' }, 'option `secret` must not hold a lone surrogate'],
  ['a/b/c', iscsi, 'argument `filename` must be TARGET or TARGET/LUN'],
  ['/a', iscsi, 'argument `filename` must be TARGET or TARGET/LUN'],
  ['', iscsi, 'argument `filename` must be TARGET or TARGET/LUN'],
  ['image', rbd, 'argument `filename` must be POOL/IMAGE or POOL/NAMESPACE/IMAGE, for rbd'],
  ['/pool/image', rbd, 'argument `filename` must be POOL/IMAGE'],
  ['a/b/c/d', rbd, 'argument `filename` must be POOL/IMAGE'],
  ['a/b', { ...rbd, server: ['h:1', 'i'] }, 'option `server[1]` must have a port, as in HOST:PORT'],
];

const argument = (reason: string) =>
  expect.objectContaining({
    code: 'ERR_GUESTFS_ARGUMENT',
    operation: 'addDrive',
    reason: expect.stringContaining(reason),
  });

describe('the call that makes the mistake tells it:', () => {
  test.each(REFUSED)('addDrive(%j, %j)', (name, options, reason) => {
    const g = new Guestfs({ environment: {} });
    expect(() => g.addDrive(name ?? image, options)).toThrow(argument(reason));
    expect(handleOf(g).drives).toEqual([]);
  });

  test('Guestfs.open and acquire, of every rule', async () => {
    await using pool = new GuestfsPool({ environment: {}, path: folder, size: 1 });
    for (const [name, options, reason] of REFUSED) {
      const drives = [image, { file: name ?? image, ...options }];
      await expect(Guestfs.open({ environment: {}, path: folder, drives })).rejects.toEqual(argument(reason));
      await expect(pool.acquire({ drives })).rejects.toEqual(argument(reason));
    }
  });

  test('acquire with the arguments, but no secret', async () => {
    await using pool = new GuestfsPool({ environment: {}, path: folder, size: 1 });
    const acquired = pool.acquire({ drives: [{ file: '/x', ...ssh, secret: 'hunter2' }] });
    const error = (await acquired.catch((cause: unknown) => cause)) as Error;
    expect(error.message).toMatch(/^addDrive\("\/x", \{ protocol: "ssh"/);
    expect(error.message).not.toContain('hunter2');
  });

  test('the short forms of addDrive, and addDriveScratch', () => {
    const g = new Guestfs({ environment: {} });
    for (const add of ['addDriveRo', 'addCdrom'] as const) {
      expect(() => g[add]('')).toThrow(expect.objectContaining({ operation: add, code: 'ERR_GUESTFS_ARGUMENT' }));
      expect(() => g[add](folder)).toThrow(expect.objectContaining({ operation: add, code: 'ERR_GUESTFS_DRIVE' }));
    }
    for (const add of ['addDriveWithIf', 'addDriveRoWithIf'] as const) {
      expect(() => g[add]('', 'ide')).toThrow(
        expect.objectContaining({ operation: add, code: 'ERR_GUESTFS_ARGUMENT' }),
      );
    }
    expect(() => g.addDriveScratch(512, { blocksize: 1 })).toThrow(/option `blocksize` must be 512 or 4096/);
    expect(handleOf(g).drives).toEqual([]);
  });

  test('the 256th drive, by addDrive, addDriveScratch, open and acquire', async () => {
    const g = new Guestfs({ environment: {}, tmpdir: folder });
    for (let i = 0; i < g.maxDisks(); i++) g.addDriveRo(image);
    const tooMany = expect.objectContaining({
      code: 'ERR_GUESTFS_ARGUMENT',
      reason: 'an appliance takes at most 255 drives, not 256',
    });
    expect(() => g.addDrive(image)).toThrow(tooMany);
    expect(() => g.addDriveScratch(512)).toThrow(tooMany);
    expect(handleOf(g).drives).toHaveLength(255);
    const drives = Array.from({ length: 256 }, () => image);
    await expect(Guestfs.open({ environment: {}, path: folder, drives })).rejects.toEqual(tooMany);
    await using pool = new GuestfsPool({ environment: {}, path: folder, size: 1 });
    await expect(pool.acquire({ drives })).rejects.toEqual(tooMany);
  });
});

test('a scratch disk is a sparse file that goes with the handle', async () => {
  const g = new Guestfs({ environment: {}, tmpdir: folder });
  g.addDriveScratch(10_000_000_000n, { label: 'scratch' });
  expect(() => g.addDriveScratch(0)).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT' }));
  expect(() => g.addDriveScratch(512, { label: '1' })).toThrow(/label/);
  const { readdirSync } = await import('node:fs');
  const made = readdirSync(folder, { recursive: true }).find((name) => String(name).endsWith('scratch1.img'));
  expect(statSync(join(folder, String(made))).size).toBe(10_000_000_000);
  await g.close();
  expect(readdirSync(folder)).toEqual(['a,b:c.img']);
});
