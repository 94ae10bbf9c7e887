import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { walkChain } from '../../../src/appliance/drives/chain.js';
import { absolutePath } from '../../../src/appliance/drives/host-path.js';
import { prepareDrives } from '../../../src/appliance/drives/prepare.js';
import type { DriveConfig } from '../../../src/appliance/config/config.js';

const run = promisify(execFile);
const img = (...args: string[]): Promise<unknown> => run('qemu-img', args, { cwd: folder });

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'guestfs-chain-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

const drive = (name: string, format?: string): DriveConfig => ({
  file: join(folder, name),
  readonly: true,
  ...(format === undefined ? {} : { format }),
});

/** The names of a chain's files, as they are found from the folder. */
async function names(config: DriveConfig): Promise<string[]> {
  return (await walkChain(config)).map(({ path }) => path.toString().replace(`${folder}/`, ''));
}

test.each(['qcow2', 'qcow', 'qed', 'vmdk'])('follows the backing files of %s', async (format) => {
  await img('create', '-q', '-f', format, `base.${format}`, '4M');
  await img('create', '-q', '-f', format, '-b', `base.${format}`, '-F', format, `top.${format}`);
  expect(await names(drive(`top.${format}`, format))).toEqual([`top.${format}`, `base.${format}`]);
  expect(await names(drive(`top.${format}`))).toEqual([`top.${format}`, `base.${format}`]);
  expect(await names(drive(`top.${format}`, 'raw'))).toEqual([`top.${format}`]);
});

test('a descriptor of VMDK that is a file of its own', async () => {
  await img('create', '-q', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', 'flat.vmdk', '4M');
  const text = await readFile(join(folder, 'flat.vmdk'), 'latin1');
  expect(text).toContain('Disk DescriptorFile');
  await writeFile(
    join(folder, 'child.vmdk'),
    text.replace(/^createType/m, 'parentFileNameHint="flat.vmdk"\n$&'),
    'latin1',
  );
  expect(await names(drive('child.vmdk'))).toEqual(['child.vmdk', 'flat.vmdk']);
});

test.each([
  ['base', 'base'],
  ['../base', 'sub/../base'],
  ['./nbd:x', 'sub/./nbd:x'],
  ['a b,c=d', 'sub/a b,c=d'],
])('a backing file recorded as %j', async (name, found) => {
  await mkdir(join(folder, 'sub'), { recursive: true });
  for (const file of ['base', 'sub/base', 'sub/a b,c=d']) await img('create', '-q', '-f', 'raw', file, '1M');
  await writeFile(join(folder, 'sub/nbd:x'), Buffer.alloc(1 << 20));
  await img('create', '-q', '-f', 'qcow2', 'sub/top', '1M');
  await img('rebase', '-u', '-b', name, '-F', 'raw', 'sub/top');
  await symlink('sub', join(folder, 'link')).catch(() => undefined);
  const expected = ['sub/top', name === 'base' ? 'sub/base' : found];
  expect(await names(drive('sub/top'))).toEqual(expected);
  // Names are meant from the folder where the image really is.
  expect(await names(drive('link/top'))).toEqual(expected);
});

test('other forms of a file, and what is no file', async () => {
  await img('create', '-q', '-f', 'qcow2', 'forms', '1M');
  const options = JSON.stringify({ driver: 'qcow2', file: { driver: 'file', filename: join(folder, 'forms') } });
  for (const [name, length] of [
    [`json:${options}`, 2],
    [`file:${join(folder, 'forms')}`, 2],
    ['nbd://localhost/x', 1],
    ['json:{', 1],
  ] as const) {
    await img('create', '-q', '-f', 'qcow2', 'over', '1M');
    await img('rebase', '-u', '-b', name, '-F', 'qcow2', 'over');
    expect([name, (await names(drive('over'))).length]).toEqual([name, length]);
  }
});

test('an endless chain is refused, by the name of the drive and of its files', async () => {
  for (const name of ['loop', 'one', 'two']) await img('create', '-q', '-f', 'qcow2', name, '1M');
  await img('rebase', '-u', '-b', 'loop', '-F', 'qcow2', 'loop');
  await img('rebase', '-u', '-b', 'two', '-F', 'qcow2', 'one');
  await img('rebase', '-u', '-b', 'one', '-F', 'qcow2', 'two');
  await img('create', '-q', '-f', 'qcow2', 'above', '1M');
  await img('rebase', '-u', '-b', 'one', '-F', 'qcow2', 'above');
  const refused = (config: DriveConfig, ...shown: string[]): Promise<void> =>
    expect(walkChain(config)).rejects.toMatchObject({
      code: 'ERR_GUESTFS_DRIVE',
      message: expect.stringContaining(
        `the drive ${JSON.stringify(config.file)} has backing files without an end: ` +
          shown.map((name) => JSON.stringify(join(folder, name))).join(' is backed by '),
      ),
    });
  await refused(drive('loop', 'qcow2'), 'loop', 'loop');
  await refused(drive('loop'), 'loop', 'loop');
  await refused(drive('one'), 'one', 'two', 'one');
  await refused(drive('above'), 'above', 'one', 'two', 'one');
  // As raw content it is no chain.
  expect(await names(drive('loop', 'raw'))).toEqual(['loop']);
});

test('a chain of many images is followed, one of too many refused', async () => {
  await img('create', '-q', '-f', 'qcow2', '-b', 'n1', '-F', 'qcow2', '-u', 'n0', '1M');
  const header = await readFile(join(folder, 'n0'));
  const at = header.indexOf('n1', 0, 'latin1');
  // The same image again and again, with another name in it of the same length.
  const make = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += 1) {
      const image = Buffer.from(header);
      image.writeUInt32BE(4, 16);
      image.write(String(i + 1).padStart(4, '0'), at, 'latin1');
      await writeFile(join(folder, String(i).padStart(4, '0')), image);
    }
    await img('create', '-q', '-f', 'qcow2', String(count).padStart(4, '0'), '1M');
  };
  await make(199);
  expect(await names(drive('0000'))).toHaveLength(200);
  await make(250);
  await expect(walkChain(drive('0000'))).rejects.toThrow('is a chain of more than 200 images');
});

test('a backing file that is gone: which one, where it was looked for, and what not to do', async () => {
  await img('create', '-q', '-f', 'raw', 'gone', '1M');
  await img('create', '-q', '-f', 'qcow2', '-b', 'gone', '-F', 'raw', 'left');
  await rename(join(folder, 'gone'), join(folder, 'moved'));
  await expect(walkChain(drive('left'))).rejects.toMatchObject({
    code: 'ERR_GUESTFS_DRIVE',
    message: expect.stringContaining(
      `${JSON.stringify(join(folder, 'left'))} is backed by "gone", and there is no ${JSON.stringify(join(folder, 'gone'))}`,
    ),
    hint: expect.stringContaining('the very same backing file'),
  });
});

test('damaged headers end the walk: they are for qemu to judge', async () => {
  await img('create', '-q', '-f', 'raw', 'ok', '1M');
  await img('create', '-q', '-f', 'qcow2', '-b', 'ok', '-F', 'raw', 'good');
  const good = await readFile(join(folder, 'good'));
  for (const length of [0, 3, 8, 40, 71, 100]) {
    await writeFile(join(folder, 'cut'), good.subarray(0, length));
    expect(await names(drive('cut'))).toEqual(['cut']);
  }
  for (const [position, value] of [
    [8, 0xffffffff],
    [16, 0xffffffff],
    [16, 5000],
    [100, 0xffffffff],
    [100, 1],
  ] as const) {
    const bad = Buffer.from(good);
    bad.writeUInt32BE(value, position);
    await writeFile(join(folder, 'bad'), bad);
    expect((await names(drive('bad'))).length).toBeLessThanOrEqual(2);
  }
});

test('names that are not UTF-8 go by links, and what is beside the image is still found', async () => {
  const odd = Buffer.concat([Buffer.from(`${folder}/odd`), Buffer.from([0xff])]);
  await mkdir(odd);
  const at = (name: string): Buffer => Buffer.concat([odd, Buffer.from(`/${name}`)]);
  await img('create', '-q', '-f', 'qcow2', 'lower', '1M');
  await img('create', '-q', '-f', 'qcow2', '-b', 'lower', '-F', 'qcow2', 'upper');
  await rename(join(folder, 'lower'), at('lower'));
  await rename(join(folder, 'upper'), at('upper'));
  await symlink('upper', Buffer.concat([at('name'), Buffer.from([0xfe])]));
  const machine = await mkdtemp(join(folder, 'machine-'));
  const [plain] = await prepareDrives([drive('odd\udcff/upper', 'qcow2')], ['file'], machine);
  expect(fileOf(plain!.source)).toBe(join(machine, 'drive0/upper'));
  await expect(img('info', '--backing-chain', join(machine, 'drive0/upper'))).resolves.toBeDefined();

  await rename(at('upper'), Buffer.concat([at('own'), Buffer.from([0xfd])]));
  const second = await mkdtemp(join(folder, 'machine-'));
  const [linked] = await prepareDrives([drive('odd\udcff/own\udcfd', 'qcow2')], ['file'], second);
  const options = [...linked!.source].map(([key, value]) => `${key}=${value}`).join(',');
  // All of the chain is opened.
  await expect(img('convert', '-O', 'raw', '--image-opts', `driver=qcow2,${options}`, 'copy')).resolves.toBeDefined();
});

function fileOf(source: readonly (readonly [string, string | null])[]): string | null | undefined {
  return source.find(([key]) => key === 'file.filename')?.[1];
}

test('a relative name is meant from the folder of the moment, and `..` behind a link is not taken as text', () => {
  expect(absolutePath('disk')).toBe(`${process.cwd()}/disk`);
  expect(absolutePath('./disk')).toBe(`${process.cwd()}/disk`);
  expect(absolutePath('a/../disk')).toBe(`${process.cwd()}/a/../disk`);
  expect(absolutePath('/a/../disk')).toBe('/a/../disk');
});
