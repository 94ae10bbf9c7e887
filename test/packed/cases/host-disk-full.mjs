import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Guestfs } from 'guestfs';
import { makeDisk, rejection, work } from '../support.mjs';

const [small] = process.argv.slice(2);
if (small === undefined) inNamespace();
else await fill();

/** Runs this file again where it may mount a small filesystem: in namespaces of its own, which an ordinary user has too. */
function inNamespace() {
  const folder = join(work, 'small');
  mkdirSync(folder);
  const script = 'mount -t tmpfs -o size=32m tmpfs "$1" && exec "$2" "$3" "$1"';
  const namespaces = process.getuid() === 0 ? ['--mount'] : ['--map-root-user', '--mount'];
  const args = [...namespaces, 'sh', '-c', script, 'sh', folder, process.execPath, fileURLToPath(import.meta.url)];
  const { status, signal, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', timeout: 200_000 });
  assert.equal(status, 0, `${signal} ${stdout} ${stderr}`);
}

async function fill() {
  const disk = makeDisk('disk.img', 1024 ** 3, small);
  const g = new Guestfs();
  g.addDrive(disk, { format: 'raw' });
  await g.launch();
  await g.mkfs('ext2', '/dev/sda', { blocksize: 4096 });
  await g.mount('/dev/sda', '/');
  const error = await rejection(
    (async () => {
      await g.fill(0xaa, 100 * 1024 * 1024, '/large');
      await g.sync();
    })(),
  );
  assert.equal(error.code, 'ERR_GUESTFS_NO_SPACE', error.message);
  assert.match(error.message, /disk\.img/);
  assert.ok(error.hint);
  await g.close();
}
