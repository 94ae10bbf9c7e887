import { execFile } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Guestfs } from 'guestfs';
import { camel } from './canonical.js';

jest.setTimeout(600_000);

type Call = [name: string, args: unknown[], options?: Record<string, unknown>];

const peer = join(import.meta.dirname, 'peer/trace.py');
let folder: string;

beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'guestfs-trace-'))));
afterAll(() => rm(folder, { recursive: true }));

/** Settings and states, then a filesystem: results and arguments of each type, with success and without. */
const calls = (sent: string, received: string): Call[] => [
  ['get_append', []],
  ['set_append', [null]],
  ['set_append', ['quiet "a b"']],
  ['get_append', []],
  ['set_verbose', [false]],
  ['get_verbose', []],
  ['set_memsize', [1024]],
  ['get_memsize', []],
  ['get_backend_settings', []],
  ['set_backend_settings', [['force_tcg', 'x=y']]],
  ['get_backend_setting', ['nowhere']],
  ['get_hv', []],
  ['get_state', []],
  ['is_config', []],
  ['version', []],
  ['wait_ready', []],
  ['get_pid', []],
  ['launch', []],
  ['is_ready', []],
  ['is_busy', []],
  ['set_append', [null]],
  ['get_pid', []],
  ['part_disk', ['/dev/sda', 'mbr']],
  ['mkfs', ['ext4', '/dev/sda1'], { label: 'x y', blocksize: 4096 }],
  ['mount', ['/dev/sda1', '/']],
  ['mkdir_mode', ['/d', 448]],
  ['exists', ['/d']],
  ['exists', ['/nowhere']],
  ['is_file', ['/d'], { followsymlinks: true }],
  ['write', ['/d/x"y', 'é\n"\u007f'.repeat(100)]],
  ['read_file', ['/d/x"y']],
  ['cat', ['/nowhere']],
  ['filesize', ['/nowhere']],
  ['filesize', ['/d/x"y']],
  ['truncate_size', ['/d/x"y', 5_000_000]],
  ['setxattr', ['user.a', 'b', 1, '/d']],
  ['lgetxattrs', ['/d']],
  ['lgetxattrs', ['/nowhere']],
  ['stat', ['/d']],
  ['statns', ['/d']],
  ['statns', ['/nowhere']],
  ['lstatnslist', ['/', ['d', 'nowhere']]],
  ['lstatnslist', ['/', []]],
  ['ls', ['/d']],
  ['ls', ['/nowhere']],
  ['find', ['/d']],
  ['cp_a', ['/x\n', '/café']],
  ['upload', [sent, '/d/sent']],
  ['upload', [sent, '/nowhere/sent']],
  ['download', ['/d/sent', received]],
  ['tar_out', ['/d', received], { compress: 'gzip', excludes: ['a', 'b'] }],
  ['upload_offset', [sent, '/d/sent', 3]],
  ['luks_open', ['/dev/nowhere', 'my passphrase', 'map']],
  ['mountpoints', []],
  ['list_filesystems', []],
  ['list_devices', []],
  ['pvs', []],
  ['utsname', []],
  ['aug_init', ['/', 0]],
  ['ntfs_3g_probe', [false, '/dev/nowhere']],
  ['available', [[]]],
  ['command', [['nowhere', '-l']]],
  ['umount', ['/'], { lazyunmount: false }],
];

/** Replaces what differs from one run to the next. */
const settled = (line: string): string =>
  line
    .replace(
      /^(get_pid|version|utsname) = (.*)$/,
      (_, name: string, rest: string) => `${name} = ${rest.replace(/[0-9a-z#]+(?=[-.,:() ])/gi, '')}`,
    )
    .replace(/^get_pid = \d+$/, 'get_pid = N')
    .replace(/\b(\w*time(?:_n?sec)?): \d+/g, '$1: N');

test('trace lines are those of python3-guestfs', async () => {
  const [ours, theirs] = await Promise.all(
    ['ours.img', 'theirs.img'].map(async (name) => {
      const image = join(folder, name);
      await writeFile(image, '');
      await truncate(image, 64 * 1024 * 1024);
      return image;
    }),
  );
  const sent = join(folder, 'sent');
  await writeFile(sent, 'content');
  const list = calls(sent, join(folder, 'received'));
  const asked = JSON.stringify(list.map(([name, args, options = {}]) => [name, args, options]));
  const { stdout } = await promisify(execFile)('/usr/bin/python3', [peer, theirs!, asked]);
  const expected = JSON.parse(stdout) as string[][];

  await using g = new Guestfs();
  g.addDrive(ours!, { format: 'raw' });
  let lines: string[] = [];
  g.on('trace', ({ text }) => lines.push(text));
  g.setTrace(true);
  for (const [i, [name, args, options]] of list.entries()) {
    lines = [];
    const method = (g as unknown as Record<string, (...given: unknown[]) => unknown>)[camel(name)]!;
    await (async () => method.apply(g, options === undefined ? args : [...args, options]))().catch(() => undefined);
    expect(lines.map(settled)).toEqual(expected[i]!.map(settled));
  }
});
