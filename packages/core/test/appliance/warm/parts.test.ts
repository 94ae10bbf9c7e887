import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, truncate, writeFile, open } from 'node:fs/promises';
import { createServer, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchConfig } from '../../../src/appliance/config/config.js';
import { contentHash } from '../../../src/appliance/cache/content-hash.js';
import { explainStockInitrd } from '../../../src/appliance/lean/eligible.js';
import { explainColdBoot } from '../../../src/appliance/warm/eligible.js';
import { templateKey, type KeyParts } from '../../../src/appliance/warm/template/key.js';
import { diskArguments, warmArguments } from '../../../src/appliance/warm/machine/machine.js';
import { Memo } from '../../../src/appliance/cache/memo.js';
import { stateUri } from '../../../src/appliance/warm/machine/migration.js';
import { GuestHelper } from '../../../src/appliance/warm/machine/wake.js';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'guestfs-warm-'))));
afterEach(() => rm(folder, { recursive: true }));

const PARTS: KeyParts = {
  recipe: 1,
  qemu: '/usr/bin/qemu:1:2:3:4',
  qemuVersion: 'QEMU 7.2',
  arguments: ['-m', '1280'],
  kernelArguments: 'quiet',
  kernel: 'k',
  initrd: 'i',
  helper: 'h',
  rootFormat: 'raw',
  root: 'r',
  hostCpu: 'c',
  hostKernel: '',
};

test('each ingredient gives another key, equal ones the same', () => {
  const key = templateKey(PARTS);
  expect(templateKey({ ...PARTS })).toBe(key);
  expect(key).toMatch(/^[0-9a-f]{32}$/);
  const others = Object.keys(PARTS).map((name) => {
    const value = PARTS[name as keyof KeyParts];
    const changed = Array.isArray(value)
      ? [...value, '-cpu']
      : typeof value === 'number'
        ? value + 1
        : `${String(value)}x`;
    return templateKey({ ...PARTS, [name]: changed });
  });
  expect(new Set([key, ...others]).size).toBe(others.length + 1);
});

const CONFIG: LaunchConfig = {
  drives: [],
  path: [],
  memsize: 1280,
  smp: 1,
  network: false,
  selinux: false,
  verbose: false,
  program: '',
  identifier: '',
  qemuParameters: [],
  backendSettings: [],
  tmpdir: '/tmp',
  cachedir: '/tmp',
  sockdir: '/tmp',
  pgroup: false,
  timeout: 1000,
  warm: true,
};

describe('whether a launch may be warm', () => {
  test('it may with the defaults', () => expect(explainColdBoot(CONFIG)).toBeNull());

  test.each([
    [{ warm: false }, 'GUESTFS_WARM'],
    [{ backendSettings: ['no_warm'] }, 'no_warm'],
    [{ memsize: 2048 }, 'memsize'],
    [{ smp: 2 }, 'smp'],
    [{ network: true }, 'network'],
    [{ verbose: true }, 'verbose'],
    [{ selinux: true }, 'selinux'],
    [{ append: 'x=1' }, 'append'],
    [{ qemuParameters: [['-device', 'x']] as const }, 'config'],
    [{ backendSettings: ['gdb'] }, 'gdb'],
  ])('it may not with %j', (change, word) => expect(explainColdBoot({ ...CONFIG, ...change })).toContain(word));

  test('memory and processors do not keep from the lean initrd', () => {
    expect(explainStockInitrd({ ...CONFIG, memsize: 4096, smp: 4, warm: false })).toBeNull();
    expect(explainStockInitrd({ ...CONFIG, network: true })).toContain('network');
  });
});

test('the arguments of a template and of what is restored from it differ in files and sharing only', () => {
  const machine = {
    cpu: 'x86_64',
    accelerator: 'tcg',
    ram: '/t,x/ram',
    root: '/t/root',
    sockets: { daemon: '/d', helper: '/h', qmp: '/q' },
  } as const;
  const make = warmArguments({ ...machine, use: 'make' });
  const restore = warmArguments({ ...machine, use: 'restore' });
  const neutral = (args: string[]): string[] =>
    args.map((arg) => arg.replace(/share=\w+/, '').replace(/snapshot=\w+/, ''));
  expect(neutral(make)).toEqual(neutral(restore));
  expect(make.find((arg) => arg.includes('mem-path'))).toContain('mem-path=/t,,x/ram,share=on');
  expect(restore.find((arg) => arg.includes('mem-path'))).toContain('share=off');
  const devices = make.filter((_, index) => make[index - 1] === '-device' && /-pci/.test(make[index] ?? ''));
  expect(devices).toHaveLength(4);
  for (const device of devices) expect(device).toMatch(/addr=0x\d/);
});

test('disks have the addresses that the helper scans', () => {
  const drive = {
    config: { file: '/a', readonly: false },
    source: [['file', '/a']] as const,
    format: 'raw',
    secret: null,
  };
  const args = diskArguments([drive, drive]);
  expect(args.filter((arg) => arg.startsWith('scsi-hd')).map((arg) => /scsi-id=(\d+)/.exec(arg)?.[1])).toEqual([
    '0',
    '1',
  ]);
});

test('the state goes by the file where qemu can, and by a shell that sees one word where it cannot', () => {
  expect(stateUri({ major: 8, minor: 2 }, '/a b', '<')).toBe('file:/a b');
  expect(stateUri({ major: 7, minor: 2 }, "/it's", '>')).toBe(String.raw`exec:cat > '/it'\''s'`);
});

test('the hash of a file is that of its content: holes do not count, one bit does', async () => {
  const sparse = join(folder, 'sparse');
  const full = join(folder, 'full');
  await writeFile(sparse, '');
  await truncate(sparse, 20 * 1024 * 1024);
  const handle = await open(sparse, 'r+');
  await handle.write(Buffer.from('in the middle'), 0, 13, 9_000_000);
  await handle.close();
  const content = Buffer.alloc(20 * 1024 * 1024);
  content.write('in the middle', 9_000_000);
  await writeFile(full, content);
  const hash = await contentHash(sparse);
  expect(await contentHash(full)).toBe(hash);
  content[19_999_999] = 1;
  await writeFile(full, content);
  expect(await contentHash(full)).not.toBe(hash);
  await truncate(sparse, 20 * 1024 * 1024 + 1);
  expect(await contentHash(sparse)).not.toBe(hash);
});

test('a memo works things out once for each identity, and outlives what is written over it', async () => {
  const file = join(folder, 'memo.json');
  const memo = new Memo(file);
  let worked = 0;
  const work = async (): Promise<string> => String(++worked);
  expect(await memo.get('a', 'x', work)).toBe('1');
  expect(await new Memo(file).get('a', 'x', work)).toBe('1');
  expect(await memo.get('a', 'y', work)).toBe('2');
  expect(await memo.peek('a', 'x')).toBeNull();
  await writeFile(file, 'no json');
  expect(await memo.get('a', 'y', work)).toBe('3');
});

describe('the guest helper', () => {
  let near: Socket;
  let far: Socket;
  beforeEach(async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    near = connect(join(folder, 'socket'));
    far = await accepted;
    server.close();
  });
  afterEach(() => {
    near.destroy();
    far.destroy();
  });

  test('is told the time, fresh entropy and the disks, and says when it is done', async () => {
    const line = new Promise<string>((resolve) => far.once('data', (bytes: Buffer) => resolve(bytes.toString())));
    const { seeded, ready } = new GuestHelper(near).wake(12);
    const [, seconds, nanoseconds, seed, disks] = /^wake (\d+) (\d+) ([0-9a-f]{128}) (\d+)\n$/.exec(await line) ?? [];
    expect(Math.abs(Number(seconds) + Number(nanoseconds) / 1e9 - Date.now() / 1000)).toBeLessThan(5);
    expect(new Set(seed)).not.toEqual(new Set('0'));
    expect(disks).toBe('12');
    far.write('seeded 12\nrea');
    await seeded;
    far.write('dy 1 2 3\n');
    await ready;
  });

  test('that fails, or goes away, rejects what waits', async () => {
    const failing = new GuestHelper(near).wake(1);
    far.write('failed seed 1\n');
    await expect(failing.seeded).rejects.toThrow('failed seed 1');
    await expect(failing.ready).rejects.toThrow('failed seed 1');
  });

  test('that goes away after the first word rejects the second', async () => {
    const { seeded, ready } = new GuestHelper(near).wake(1);
    far.write('seeded 1\n');
    await seeded;
    far.destroy();
    await expect(ready).rejects.toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
  });
});
