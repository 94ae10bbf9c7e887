import assert from 'node:assert/strict';
import { linkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Guestfs } from 'guestfs';
import { libraryLog, makeDisk, rejection, work } from '../support.mjs';

const disk = makeDisk('disk.img');
symlinkSync('disk.img', join(work, 'symlink.img'));
linkSync(disk, join(work, 'link.img'));

for (const other of ['disk.img', 'symlink.img', 'link.img']) {
  const g = new Guestfs();
  g.addDrive(disk, { format: 'raw' });
  g.addDrive(join(work, other), { format: 'raw' });
  const error = await rejection(g.launch());
  assert.equal(error.code, 'ERR_GUESTFS_DRIVE', `${other}: ${error.message}`);
  assert.match(error.message, /\.img/);
  await g.close();
}

// The user's mistake has cost neither the image nor the template.
const g = new Guestfs();
const log = libraryLog(g);
g.addDrive(disk, { format: 'raw' });
await g.launch();
assert.deepEqual(await g.listDevices(), ['/dev/sda']);
if (process.env.GUESTFS_WARM === '1') assert.match(log.join('\n'), /warm start: template [0-9a-f]{32}/);
await g.close();
