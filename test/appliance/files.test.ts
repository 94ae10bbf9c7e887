import { execFileSync } from 'node:child_process';
import nodeFs, { constants } from 'node:fs';
import { lstat, mkdir, mkdtemp, readFile, readlink, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { crc32 } from '../support/crc32.js';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Guestfs } from 'guestfs';
import { makeRepository, readRepository } from '../../examples/git-in-image/repository.mjs';

// Under software emulation on a busy machine a boot may take minutes.
jest.setTimeout(900_000);

const MIB = 1024 * 1024;
const EIGHT_BITS = 'caf\udce9';

/** A PNG picture of one colour. */
function png(side: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const check = Buffer.alloc(4);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const rows = deflateSync(Buffer.alloc((side + 1) * side));
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}

describe('the files of a guest', () => {
  let g: Guestfs;
  let host: string;

  beforeAll(async () => {
    host = await mkdtemp(join(tmpdir(), 'guestfs-files-test-'));
    g = new Guestfs({ environment: {} });
    g.addDriveScratch(512 * MIB);
    g.addDriveScratch(16 * MIB);
    g.addDriveScratch(64 * MIB);
    await g.launch();
    await g.mkfs('ext4', '/dev/sda');
    await g.mkfs('ext2', '/dev/sdb');
    await g.mount('/dev/sda', '/');
    await g.mkdir('/data');
    await g.lnS('/data', '/door');
    await g.lnS('/nowhere', '/dangling');
  });
  afterAll(async () => {
    await g.close();
    await rm(host, { recursive: true, force: true });
  });

  describe('g.fs', () => {
    it('follows links as the guest does, also absolute ones', async () => {
      await g.fs.writeFile('/door/file', 'through the door');
      expect(await g.fs.readFile('/data/file', 'utf8')).toBe('through the door');
      expect(await g.fs.readlink('/door')).toBe('/data');
      expect(await g.fs.readlink('/door', 'buffer')).toEqual(Buffer.from('/data'));
      expect(await g.fs.realpath('/door/file')).toBe('/data/file');
      await expect(g.fs.realpath('/dangling')).rejects.toMatchObject({ code: 'ENOENT', syscall: 'realpath' });
      await expect(g.fs.readlink('/data')).rejects.toMatchObject({ code: 'EINVAL', syscall: 'readlink' });
      expect((await g.fs.stat('/door')).isDirectory()).toBe(true);
      expect((await g.fs.lstat('/door')).isSymbolicLink()).toBe(true);
      await g.fs.symlink('file', '/data/link');
      await g.fs.utimes('/door/link', 1, 2);
      expect((await g.fs.stat('/data/file')).mtimeMs).toBe(2000);
    });

    it('copies and removes through links without leaving the guest', async () => {
      await g.fs.copyFile('/door/link', '/door/copy');
      expect(await g.fs.readFile('/data/copy', 'utf8')).toBe('through the door');
      await g.fs.mkdir('/door/cp/sub', { recursive: true });
      await g.fs.symlink('../file', '/data/cp/link');
      await g.fs.cp('/data/cp', '/door/cp2', { recursive: true });
      expect(await g.fs.readlink('/data/cp2/link')).toBe('../file');
      await g.fs.rm('/door/cp2', { recursive: true });
      expect(await g.fs.exists('/data/cp2')).toBe(false);
    });

    it('tells what root may do', async () => {
      await g.fs.access('/data/file', constants.R_OK | constants.W_OK);
      await expect(g.fs.access('/data/file', constants.X_OK)).rejects.toMatchObject({ code: 'EACCES' });
      const { bsize, blocks } = await g.fs.statfs('/');
      expect(bsize * blocks).toBeGreaterThan(400 * MIB);
      await g.remount('/', { rw: false });
      await expect(g.fs.access('/data', constants.W_OK)).rejects.toMatchObject({ code: 'EROFS' });
      await expect(g.fs.writeFile('/data/file', 'x')).rejects.toMatchObject({ code: 'EROFS', syscall: 'open' });
      await g.remount('/', { rw: true });
    });

    it('serves isomorphic-git and a glob walker as they are', async () => {
      await makeRepository(nodeFs, join(host, 'project'));
      await g.copyIn(join(host, 'project'), '/data');
      expect(await readRepository(g.fs, '/door/project')).toEqual({
        branch: 'main',
        messages: ['Print more', 'Begin'],
        changed: [],
        files: ['/door/project/README.md', '/door/project/src/index.js'],
      });
    });

    it('says that a disk is full, and goes on', async () => {
      await g.mkmountpoint('/small');
      await g.mount('/dev/sdb', '/small');
      const full = { code: 'ENOSPC', syscall: 'write' };
      await expect(g.fs.writeFile('/small/much', Buffer.alloc(20 * MIB))).rejects.toMatchObject(full);
      await expect(g.upload(Buffer.alloc(20 * MIB), '/small/much')).rejects.toMatchObject({
        code: 'ERR_GUESTFS_DAEMON',
        message: expect.stringMatching(/^upload\("\/small\/much"\): write error/),
      });
      await g.rm('/small/much');
      await expect(g.write('/small/much', Buffer.alloc(20 * MIB))).rejects.toMatchObject({ operation: 'write' });
      await g.rm('/small/much');
      await expect(g.fs.appendFile('/small/more', Buffer.alloc(20 * MIB))).rejects.toMatchObject(full);
      await writeFile(join(host, 'much'), Buffer.alloc(20 * MIB, 'x'));
      await expect(g.copyIn(join(host, 'much'), '/small')).rejects.toMatchObject({
        name: 'GuestfsError',
        operation: 'copyIn',
        message: expect.stringMatching(/No space left on device|Cannot write/),
      });
      await g.umount('/small');
      expect(await g.fs.readFile('/data/file', 'utf8')).toBe('through the door');
    });
  });

  describe('copyIn and copyOut', () => {
    it("bring a tree to the guest's tar and back", async () => {
      const tree = join(host, 'tree');
      await mkdir(join(tree, 'sub'), { recursive: true });
      await writeFile(join(tree, 'file'), 'content', { mode: 0o4751 });
      await writeFile(join(tree, `${'long-'.repeat(40)}name`), 'long');
      await writeFile(Buffer.concat([Buffer.from(`${tree}/caf`), Buffer.from([0xe9])]), 'eight bits');
      await symlink('/data/file', join(tree, 'sub', 'link'));
      await writeFile(join(tree, 'sparse'), 'start');
      await truncate(join(tree, 'sparse'), 2048 * MIB);
      await utimes(join(tree, 'file'), 1_600_000_000, 1_600_000_000.123456);

      await g.copyIn(tree, '/door');
      const file = await g.statns('/data/tree/file');
      expect([file.stMtimeSec, file.stMtimeNsec / 1000n]).toEqual([1_600_000_000n, 123_456n]);
      expect(file.stMode & 0o7777n).toBe(BigInt((await lstat(join(tree, 'file'))).mode & 0o7777));
      expect(await g.cat(`/data/tree/${EIGHT_BITS}`)).toBe('eight bits');
      expect(await g.readlink('/data/tree/sub/link')).toBe('/data/file');
      const sparse = await g.statns('/data/tree/sparse');
      expect([sparse.stSize, sparse.stBlocks < 100n]).toEqual([BigInt(2048 * MIB), true]);
      await g.truncateSize('/data/tree/sparse', 32 * MIB);

      const out = join(host, 'out');
      await mkdir(out);
      await g.copyOut('/door/tree', out);
      await truncate(join(tree, 'sparse'), 32 * MIB);
      const listing = (folder: string): string[] =>
        execFileSync('find', ['.', '-printf', '%P %y %m %U:%G %l %Ts\n'], { cwd: folder, encoding: 'latin1' })
          .split('\n')
          .sort();
      await utimes(join(tree, 'sparse'), 0, 0);
      await utimes(join(out, 'tree', 'sparse'), 0, 0);
      expect(listing(join(out, 'tree'))).toEqual(listing(tree));
      expect((await lstat(join(out, 'tree', 'sparse'))).blocks).toBeLessThan(100);
      expect(await readFile(join(out, 'tree', 'file'), 'utf8')).toBe('content');
      expect(await readlink(join(out, 'tree', 'sub', 'link'))).toBe('/data/file');
      expect(execFileSync('ls', ['-1'], { cwd: join(out, 'tree'), encoding: 'latin1' })).toContain('caf\xe9');
      expect(Math.floor((await lstat(join(out, 'tree', 'file'))).mtimeMs / 1000)).toBe(1_600_000_000);
    });

    it('leave devices of the guest out, with a warning', async () => {
      const warnings: string[] = [];
      const listen = ({ text }: { text: string }): void => void warnings.push(text);
      g.on('warning', listen);
      await g.mkdir('/special');
      await g.mknodC(0o600, 1, 3, '/special/null');
      await g.mkfifo(0o600, '/special/pipe');
      await g.copyOut('/special', host);
      g.off('warning', listen);
      expect(warnings.filter((line) => line.startsWith('copyOut: '))).toHaveLength(2);
      expect((await lstat(join(host, 'special'))).isDirectory()).toBe(true);
    });
  });

  describe('inspection that the library does', () => {
    it('finds icon, programs and identity of a Debian', async () => {
      for (const folder of [
        '/etc',
        '/bin',
        '/lib',
        '/usr/bin',
        '/usr/share/pixmaps',
        '/var/lib/dpkg',
        '/home',
        '/root',
      ]) {
        await g.mkdirP(folder);
      }
      await g.write('/etc/debian_version', '12.5\n');
      await g.write(
        '/etc/os-release',
        'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\n',
      );
      await g.write('/etc/fstab', '/dev/sda / ext4 defaults 0 1\n');
      await g.write('/etc/hostname', 'guest\n');
      const status = (name: string, state: string, more = ''): string =>
        `Package: ${name}\nStatus: install ok ${state}\nArchitecture: amd64\nVersion: 1:2.0-3\n${more}\n`;
      await g.write(
        '/var/lib/dpkg/status',
        status('zebra', 'installed') +
          status('ant', 'installed', 'Homepage: http://ant/\nDescription: an ant\n of several\n lines\n') +
          status('gone', 'config-files'),
      );
      await g.write('/usr/bin/dpkg', '');
      const icon = png(32);
      await g.write('/etc/favicon.png', icon);

      const [root] = await g.inspectOs();
      expect(root).toBe('/dev/sda');
      await g.mount('/dev/sda', '/');
      expect(await g.inspectGetOsinfo('/dev/sda')).toBe('debian12');
      expect(await g.inspectGetIcon('/dev/sda')).toEqual(icon);
      expect(await g.inspectGetIcon('/dev/sda', { favicon: false })).toEqual(Buffer.alloc(0));
      await g.write('/usr/share/pixmaps/debian-logo.png', png(64));
      expect(await g.inspectGetIcon('/dev/sda', { highquality: true })).toEqual(png(64));
      await g.write('/etc/favicon.png', 'no picture');
      expect(await g.inspectGetIcon('/dev/sda')).toEqual(png(64));
      const programs = await g.inspectListApplications2('/dev/sda');
      expect(
        programs.map(({ app2Name, app2Epoch, app2Version, app2Release }) => [
          app2Name,
          app2Epoch,
          app2Version,
          app2Release,
        ]),
      ).toEqual([
        ['ant', 1, '2.0', '3'],
        ['zebra', 1, '2.0', '3'],
      ]);
      expect(programs[0]).toMatchObject({
        app2Summary: 'an ant',
        app2Description: 'of several\nlines',
        app2Url: 'http://ant/',
      });
      await g.truncateSize('/var/lib/dpkg/status', 100_000_001);
      await expect(g.inspectListApplications2('/dev/sda')).rejects.toMatchObject({
        code: 'ERR_GUESTFS_UNSUPPORTED',
        hint: expect.stringContaining('download /var/lib/dpkg/status'),
      });
    });
  });

  it('takes keys as bytes, and keys that begin like a prefix as they are', async () => {
    const prefixed = 'text:secret';
    const binary = Buffer.from([0xff, 0x0a, 0x80, 0x41]);
    await g.luksFormat('/dev/sdc', prefixed, 0);
    await g.luksAddKey('/dev/sdc', Buffer.from(prefixed), binary, 1);
    await g.cryptsetupOpen('/dev/sdc', binary, 'opened');
    expect(await g.listDmDevices()).toEqual(['/dev/mapper/opened']);
    await g.cryptsetupClose('/dev/mapper/opened');
    const mistake = g.luksFormat('/dev/sdc', 5 as never, 0);
    await expect(mistake).rejects.toMatchObject({
      code: 'ERR_GUESTFS_ARGUMENT',
      message: expect.stringContaining('`key` must be a string or a Uint8Array'),
    });
  });
});
