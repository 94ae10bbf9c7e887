import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Guestfs } from 'guestfs';
import { makeDrive } from '../../src/handle/drive.js';

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

  test.each([
    [{ label: '' }, /label/],
    [{ label: 'x'.repeat(21) }, /label/],
    [{ label: 'a1' }, /label/],
    [{ format: 'raw,x=y' }, /format/],
    [{ cachemode: 'none' }, /cachemode/],
    [{ discard: 'on' }, /discard/],
    [{ discard: 'enable', readonly: true }, /read-only/],
    [{ blocksize: 1024 }, /blocksize/],
    [{ server: ['host'] }, /network/],
    [{ username: 'me' }, /username/],
    [{ secret: 'x' }, /secret/],
    [{ protocol: 'gopher' }, /protocol/],
    [{ protocol: 'constructor' }, /protocol/],
    [{ protocol: 'nbd' }, /exactly one server/],
    [{ protocol: 'nbd', server: ['a', 'b'] }, /exactly one server/],
    [{ protocol: 'ssh', server: ['unix:/x'] }, /TCP/],
    [{ protocol: 'rbd', server: ['host'] }, /port/],
    [{ protocol: 'iscsi', server: ['host:99999'] }, /port/],
    [{ protocol: 'https', server: ['host,file=x'] }, /no server/],
    [{ protocol: 'iscsi', server: ['host'] }, /does not start with a slash/],
  ])('is refused with %j', (options, message) => {
    const error = expect.objectContaining({ code: 'ERR_GUESTFS_ARGUMENT', message: expect.stringMatching(message) });
    const name = 'protocol' in options && /port/.test(String(message)) ? 'export' : image;
    expect(() => makeDrive(name, options)).toThrow(error);
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
