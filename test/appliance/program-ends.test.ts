import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Guestfs, prepareAppliance } from 'guestfs';
import { EndingPrograms } from '../support/ending-program.js';

jest.setTimeout(600_000);

let programs: EndingPrograms;
beforeAll(async () => {
  programs = await EndingPrograms.make();
  await prepareAppliance();
});
afterEach(async () => expect(await programs.left()).toEqual([]));
afterAll(() => programs[Symbol.asyncDispose]());

const path = (name: string): string => join(programs.folder, name);

/** A program that writes a file to a fresh disk, and then does something. */
async function writing(name: string, then: string, settings = ''): Promise<string> {
  await writeFile(path(name), '');
  await truncate(path(name), 64 * 1024 * 1024);
  return `
    let g = told(new Guestfs({ ${settings} }));
    g.addDrive(${JSON.stringify(path(name))}, { format: 'raw' });
    g.addDriveScratch(1024 * 1024);
    await g.launch();
    await g.mkfs('ext4', '/dev/sda');
    await g.mount('/dev/sda', '/');
    await g.write('/file', 'data');
    ${then}`;
}

/** What a new appliance reads from files of the disk; null for one that is not there. */
async function contents(name: string): Promise<(string | null)[]> {
  await using g = await Guestfs.open({ drives: [{ file: path(name), readonly: true, format: 'raw' }] });
  await g.mountRo('/dev/sda', '/');
  return await Promise.all(['/file', '/later'].map(async (file) => ((await g.exists(file)) ? g.cat(file) : null)));
}

describe('what was written is on the disk, and the close event came, after', () => {
  test.each([
    ['process.exit(0)', `process.exit(0);`, 0, null],
    ['process.exit(3)', `process.exit(3);`, 3, null],
    ['an exception', `throw new Error('of the program');`, 1, null],
    ['an unhandled rejection', `void Promise.reject(new Error('of the program'));`, 1, null],
    ['an end of main', `process.exitCode = 5;`, 5, null],
    ['an end of main with an open call', `void g.write('/later', 'more');`, 0, 'more'],
    ['process.exit with an open call', `void g.write('/later', 'more'); process.exit(4);`, 4, 'more'],
    ['process.exit in a download', `for await (const _ of g.download('/dev/sda')) process.exit(3);`, 3, null],
  ])('%s', async (how, then, code, later) => {
    const name = `${how}.img`;
    expect(await programs.run(await writing(name, then))).toMatchObject({ code, said: ['close event'] });
    expect(await contents(name)).toEqual(['data', later]);
  });

  test('process.exit in an upload, which a warning tells', async () => {
    const then = `
      const endless = async function* () { for (;;) yield Buffer.alloc(1024 * 1024, 1); };
      g.upload(endless(), '/upload', { onProgress: () => process.exit(3) });`;
    const said = [expect.stringMatching(/^warning: .* before these calls are done: upload/), 'close event'];
    expect(await programs.run(await writing('upload.img', then))).toMatchObject({ code: 3, said });
    expect(await contents('upload.img')).toEqual(['data', null]);
  });

  test.each([
    ['process.exit(3)', `process.exit(3);`, 3],
    ['an end of main', ``, 0],
  ])('%s, of a cold launch', async (how, then, code) => {
    const name = `cold ${how}.img`;
    expect(await programs.run(await writing(name, then, 'warm: false'))).toMatchObject({ code, said: ['close event'] });
    expect(await contents(name)).toEqual(['data', null]);
  });

  test.each([
    ['the end of a worker', ``, ['worker 0']],
    ['process.exit in a worker', `process.exit(4);`, ['worker 4']],
    ['an exception in a worker', `throw new Error('of the program');`, ['error: of the program', 'worker 1']],
  ])('%s', async (how, then, said) => {
    const name = `${how}.img`;
    expect(await programs.run(await writing(name, then), { inWorker: true })).toMatchObject({
      said: ['close event', ...said],
    });
    expect(await contents(name)).toEqual(['data', null]);
  });

  test('a handle was lost, which a warning tells', async () => {
    const then = `g = null; while (true) { gc(); await new Promise((resolve) => setTimeout(resolve, 20)); if (closed) break; }`;
    const body = await writing('lost.img', then);
    const ended = await programs.run(
      `let closed = false;\n${body.replace('told(', '((each) => told(each).on("close", () => (closed = true)))(')}`,
      {
        flags: ['--expose-gc'],
      },
    );
    expect(ended).toMatchObject({
      code: 0,
      said: [expect.stringMatching(/^warning: a handle was lost without close/), 'close event'],
    });
    expect(await contents('lost.img')).toEqual(['data', null]);
  });
});

test('terminate() of a worker leaves nothing behind but what was not synced', async () => {
  const body = await writing('terminated.img', `await g.sync(); parentPort.postMessage('ready'); await g.sleep(600n);`);
  expect(await programs.run(body, { inWorker: true })).toMatchObject({ code: 0, said: ['worker 1'] });
  expect(await programs.left()).toEqual([]);
  expect(await contents('terminated.img')).toEqual(['data', null]);
});

test.each([
  ['warm', ''],
  ['cold', 'warm: false'],
])('process.exit in a %s launch leaves nothing behind', async (_, settings) => {
  const body = `
    const g = told(new Guestfs({ ${settings} }));
    g.addDriveScratch(1024 * 1024);
    g.on('library', ({ text }) => /run .*qemu-system.*guestfsd/.test(text) && setTimeout(() => process.exit(6), 100));
    await g.launch();`;
  expect(await programs.run(body)).toMatchObject({ code: 6, said: ['close event'] });
});

test('an end of main closes the handles of a pool, and the program ends', async () => {
  const body = `
    const pool = new GuestfsPool({ size: 2 });
    const g = told(await pool.acquire());
    console.log(await g.listDevices());`;
  expect(await programs.run(body)).toMatchObject({ code: 0, said: ['[]', 'close event'], stderr: '' });
});
