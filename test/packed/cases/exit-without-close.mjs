import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Guestfs } from 'guestfs';
import { makeDisk } from '../support.mjs';

const WAYS = {
  exit: () => process.exit(0),
  throw: () => {
    throw new Error('uncaught on purpose');
  },
  reject: () => void Promise.reject(new Error('unhandled on purpose')),
  end: () => undefined,
};
const STATUS = { exit: 0, throw: 1, reject: 1, end: 0 };

const [disk, way] = process.argv.slice(2);
if (way === undefined) {
  for (const each of Object.keys(WAYS)) await check(each);
} else {
  await writeAndLeave();
}

/** The program of a user who forgets to close. */
async function writeAndLeave() {
  const g = new Guestfs();
  g.on('close', () => console.log('close event'));
  g.addDrive(disk, { format: 'raw' });
  await g.launch();
  await g.mkfs('ext4', '/dev/sda');
  await g.mount('/dev/sda', '/');
  await g.write('/f', `left by ${way}`);
  WAYS[way]();
}

async function check(each) {
  const image = makeDisk(`${each}.img`);
  const left = spawnSync(process.execPath, [fileURLToPath(import.meta.url), image, each], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  assert.equal(left.status, STATUS[each], `${each}: ${left.signal} ${left.stderr}`);
  assert.match(left.stdout, /close event/, each);
  const g = await Guestfs.open({ drives: [{ file: image, format: 'raw', readonly: true }] });
  try {
    await g.mountRo('/dev/sda', '/');
    assert.equal(await g.cat('/f'), `left by ${each}`);
  } finally {
    await g.close();
  }
}
