import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Guestfs } from 'guestfs';
import { rejection, work } from '../support.mjs';

const disk = join(work, 'loop.qcow2');
execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '64M']);
execFileSync('qemu-img', ['rebase', '-u', '-b', 'loop.qcow2', '-F', 'qcow2', disk]);

const g = new Guestfs({ launchTimeout: 60_000 });
g.addDrive(disk, { format: 'qcow2' });
const error = await rejection(g.launch());
assert.equal(error.code, 'ERR_GUESTFS_DRIVE', error.message);
assert.match(error.message, /loop\.qcow2/);
assert.ok(error.hint);
await g.close();
