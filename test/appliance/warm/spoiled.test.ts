import { open, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { prepareAppliance } from 'guestfs';
import { hostCpu } from '@guestfs/core/appliance';
import { guestProgram } from '../../../packages/core/src/appliance/lean/guest-program.js';
import { contentHash } from '../../../packages/core/src/appliance/cache/content-hash.js';
import { copyFolder, OwnStore } from './own-store.js';
import { host, wasWarm } from './support.js';

jest.setTimeout(900_000);

let own: OwnStore;
let key: string;
let template: string;
let pristine: string;

beforeAll(async () => {
  own = await OwnStore.make('warm-spoiled');
  await prepareAppliance(own.options);
  ({ key, folder: template } = await own.template());
  pristine = join(own.folder, 'pristine');
  await copyFolder(template, pristine);
});
afterAll(() => own.remove());

beforeEach(() => copyFolder(pristine, template));
afterEach(async () => {
  await copyFolder(pristine, template);
  expect(wasWarm((await own.launch()).split('\n'))).toBe(true);
});

/** Launches; the result is what was told of templates, when the launch was cold and works, and the template is gone. */
async function coldLaunch(): Promise<string> {
  const log = await own.launch();
  expect(wasWarm(log.split('\n'))).toBe(false);
  expect(await own.templates()).toEqual([]);
  return log;
}

/** Has the manifest describe a file as it is now, as if the template had been made so. */
async function describeAnew(name: 'ram' | 'state'): Promise<void> {
  const file = join(template, 'manifest.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as { files: Record<string, { hash: string }> };
  manifest.files[name]!.hash = await contentHash(join(template, name));
  await writeFile(file, JSON.stringify(manifest));
}

test.each(['ram', 'state', 'root.qcow2'])('one flipped bit in %s: not used, reported, removed', async (name) => {
  const file = join(template, name);
  const at = Math.floor((await stat(file)).size / 3);
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0]! ^= 0x10;
  await handle.write(byte, 0, 1, at);
  await handle.close();
  expect(await coldLaunch()).toContain(`the template ${key} was removed: its file ${name} was changed`);
});

test.each(['ram', 'state', 'root.qcow2'])('%s cut short: not used, reported, removed', async (name) => {
  const file = join(template, name);
  const { size } = await stat(file);
  await truncate(file, size - 4096);
  expect(await coldLaunch()).toContain(
    `the template ${key} was removed: its file ${name} has ${size - 4096} bytes instead of ${size}`,
  );
});

// Giving files away needs rights.
const asRoot = process.geteuid?.() === 0 ? test : test.skip;

asRoot.each([
  ['a template', '.', 'its directory'],
  ['a file of a template', 'state', 'its file state'],
])('%s of another owner: not used, reported, removed', async (_, name, told) => {
  await host('chown', '4321:4321', join(template, name));
  expect(await coldLaunch()).toContain(`the template ${key} was removed: ${told} belongs to user 4321`);
});

test('a state that qemu refuses: the launch goes on cold by itself, and the template is dropped', async () => {
  const state = join(template, 'state');
  const content = await readFile(state);
  content.fill(0xff, 0, 4096);
  await writeFile(state, content);
  await describeAnew('state');
  const told = await coldLaunch();
  expect(told).toContain('warm start: failed, going on cold');
  expect(told).toContain(`warm start: the template ${key} is removed`);
});

/** "Jump to here", again and again. */
const HANG = Buffer.alloc(4096, process.arch === 'arm64' ? '00000014' : 'ebfe', 'hex');

/** Fills every page of the saved memory that is like this with instructions that lead nowhere; how many there were. */
async function hangPages(wanted: (page: Buffer) => boolean): Promise<number> {
  const ram = await open(join(template, 'ram'), 'r+');
  const { size } = await ram.stat();
  const chunk = Buffer.alloc(2 ** 20);
  const empty = Buffer.alloc(chunk.length);
  let found = 0;
  for (let at = 0; at < size; at += chunk.length) {
    await ram.read(chunk, 0, chunk.length, at);
    if (chunk.equals(empty)) continue;
    for (let page = 0; page < chunk.length; page += HANG.length) {
      if (!wanted(chunk.subarray(page, page + HANG.length))) continue;
      await ram.write(HANG, 0, HANG.length, at + page);
      found += 1;
    }
  }
  await ram.close();
  await describeAnew('ram');
  return found;
}

test('a machine that loads and dies: the launch goes on cold, and the template is dropped', async () => {
  await hangPages((page) => page.some((byte) => byte !== 0));
  const told = await coldLaunch();
  expect(told).toContain('warm start: failed, going on cold');
  expect(told).toContain(`warm start: the template ${key} is removed`);
});

test('a machine that loads and stays silent: the launch goes on cold after the deadline, and the template is dropped', async () => {
  const helper = await guestProgram('guest-helper', hostCpu());
  const code = helper!.subarray(0, HANG.length);
  expect(await hangPages((page) => page.equals(code))).toBeGreaterThan(0);
  const told = await coldLaunch();
  expect(told).toMatch(
    /warm start: failed, going on cold: the restored machine gave no sign of life within [23]\d{3} ms/,
  );
  expect(told).toContain(`warm start: the template ${key} is removed`);
});
