import assert from 'node:assert/strict';
import { Guestfs } from 'guestfs';
import { makeDisk } from '../support.mjs';

const disk = makeDisk('disk.img');
const g = new Guestfs();
let quits = 0;
g.on('subprocessQuit', () => quits++);
g.addDrive(disk, { format: 'raw' });
await g.launch();
const busy = g.checksumDevice('sha512', '/dev/sda');
process.kill(g.getPid(), 'SIGKILL');
try {
  await busy;
  assert.fail('the call outlived its machine');
} catch (error) {
  assert.equal(error.code, 'ERR_GUESTFS_CONNECTION_LOST', error.message);
  assert.equal(g.isConfig(), true);
  g.addDrive(disk, { format: 'raw' });
  await g.launch();
}
assert.deepEqual(await g.listDevices(), ['/dev/sda']);
assert.equal(quits, 1);
await g.close();
