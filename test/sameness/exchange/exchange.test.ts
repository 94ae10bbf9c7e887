import { execa } from 'execa';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Guestfs } from 'guestfs';
import { emptyDisk } from '../disks.js';
import { guestfish } from './guestfish.js';
import { big, BIG, bigSum, FOUND, STAMP, TEXT } from './tree.js';

jest.setTimeout(600_000);

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-exchange-'));
  await writeFile(at('big'), big);
  await mkdir(at('packed/inner'), { recursive: true });
  await writeFile(at('packed/inner/file'), 'packed');
  await execa('tar', ['-C', folder, '-cf', at('packed.tar'), 'packed']);
});
afterAll(() => rm(folder, { recursive: true }));

it('reads with guestfish what was written here', async () => {
  await using g = new Guestfs();
  await g.diskCreate(at('ours.qcow2'), 'qcow2', 256n * 1024n * 1024n);
  g.addDrive(at('ours.qcow2'), { format: 'qcow2' });
  await g.launch();
  await g.partDisk('/dev/sda', 'gpt');
  await g.mkfs('ext4', '/dev/sda1', { label: 'ours' });
  await g.mount('/dev/sda1', '/');
  await g.mkdirP('/a/b');
  await g.upload(at('big'), BIG);
  await g.write('/text', Buffer.from(TEXT));
  await g.chmod(0o640, '/text');
  await g.chown(12, 34, '/text');
  await g.setxattr('user.key', 'välue', 6, '/text');
  await g.ln('/text', '/hard');
  await g.lnS('text', '/soft');
  await g.copyIn(at('packed'), '/');
  await g.utimens('/text', BigInt(STAMP), 0n, BigInt(STAMP), 0n);
  await g.shutdown();

  const answers = await guestfish(
    ['--ro', '--format=qcow2', '-a', at('ours.qcow2')],
    [
      ['run'],
      ['list-filesystems'],
      ['vfs-label', '/dev/sda1'],
      ['mount-ro', '/dev/sda1', '/'],
      ['find', '/'],
      ['checksum', 'sha256', BIG],
      ['cat', '/text'],
      ['readlink', '/soft'],
      ['statns', '/hard'],
      ['getxattr', '/text', 'user.key'],
      ['cat', '/packed/inner/file'],
    ],
  );
  const [, filesystems, label, , found, sum, text, link, status, xattr, packed] = answers;
  expect(filesystems).toBe('/dev/sda1: ext4\n');
  expect(label).toBe('ours\n');
  expect(found!.trimEnd().split('\n')).toEqual(FOUND);
  expect(sum).toBe(`${bigSum}\n`);
  expect(text!.trimEnd()).toBe(TEXT);
  expect(link).toBe('text\n');
  for (const line of ['st_mode: 33184', 'st_uid: 12', 'st_gid: 34', 'st_nlink: 2', `st_mtime_sec: ${STAMP}`]) {
    expect(status!.split('\n')).toContain(line);
  }
  expect(xattr!.trimEnd()).toBe('välue');
  expect(packed!.trimEnd()).toBe('packed');
});

it('reads here what was written with guestfish', async () => {
  const image = await emptyDisk(at('theirs.img'), 256 * 1024 * 1024);
  await guestfish(
    ['--format=raw', '-a', image],
    [
      ['run'],
      ['part-disk', '/dev/sda', 'gpt'],
      ['mkfs', 'ext4', '/dev/sda1', 'label:theirs'],
      ['mount', '/dev/sda1', '/'],
      ['mkdir-p', '/a/b'],
      ['upload', at('big'), BIG],
      ['write', '/text', TEXT],
      ['chmod', '0640', '/text'],
      ['chown', '12', '34', '/text'],
      ['setxattr', 'user.key', 'välue', '6', '/text'],
      ['ln', '/text', '/hard'],
      ['ln-s', 'text', '/soft'],
      ['tar-in', at('packed.tar'), '/'],
      ['utimens', '/text', String(STAMP), '0', String(STAMP), '0'],
    ],
  );

  await using g = new Guestfs();
  g.addDriveRo(image);
  await g.launch();
  expect({ ...(await g.listFilesystems()) }).toEqual({ '/dev/sda1': 'ext4' });
  expect(await g.vfsLabel('/dev/sda1')).toBe('theirs');
  await g.mountRo('/dev/sda1', '/');
  expect(await g.find('/')).toEqual(FOUND);
  expect(await g.checksum('sha256', BIG)).toBe(bigSum);
  expect((await g.readFile(BIG)).equals(big)).toBe(true);
  expect(await g.cat('/text')).toBe(TEXT);
  expect(await g.readlink('/soft')).toBe('text');
  const status = await g.statns('/hard');
  expect(status).toMatchObject({ stMode: 33184n, stUid: 12n, stGid: 34n, stNlink: 2n, stMtimeSec: BigInt(STAMP) });
  expect((await g.getxattr('/text', 'user.key')).toString()).toBe('välue');
  await mkdir(at('out'));
  await g.copyOut('/packed', at('out'));
  expect((await execa('cat', [at('out/packed/inner/file')])).stdout).toBe('packed');
});
