import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Guestfs } from 'guestfs';
import { isWarm, libraryLog, work } from '../support.mjs';

const cachedir = join(work, 'cache');
mkdirSync(cachedir);

const handles = Array.from({ length: 4 }, () => new Guestfs({ cachedir }));
const logs = handles.map(libraryLog);
await Promise.all(
  handles.map(async (g) => {
    g.addDriveScratch(64n * 1024n * 1024n);
    await g.launch();
    assert.deepEqual(await g.listDevices(), ['/dev/sda']);
  }),
);
const builds = logs.flat().filter((line) => /^run .*supermin --build/.test(line));
assert.equal(builds.length, 1, builds.join('\n'));

const templates = () => {
  const folder = join(cachedir, `.guestfs-${process.geteuid()}`, 'warm');
  return readdirSync(folder).filter((name) => /^[0-9a-f]{32}/.test(name));
};
if (isWarm) {
  // It may still be made.
  for (let i = 0; i < 240 && templates().some((name) => name.includes('.making.')); i++) await delay(500);
  assert.equal(templates().length, 1, templates().join(' '));
}
await Promise.all(handles.map((g) => g.close()));
