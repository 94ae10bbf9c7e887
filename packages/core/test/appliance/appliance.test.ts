import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { prepareAppliance } from '../../src/appliance/find/appliance.js';
import { readRootUuid } from '../../src/appliance/find/root-uuid.js';
import { searchAppliance } from '../../src/appliance/find/search.js';

const UUID = '00112233-4455-6677-8899-aabbccddeeff';
const PATH = process.env['PATH'];
jest.setTimeout(60_000);

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'guestfs-test-'))));
afterEach(async () => {
  process.env['PATH'] = PATH;
  await rm(folder, { recursive: true, force: true });
});

async function put(...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), '');
  }
}

function extImage(): Buffer {
  const image = Buffer.alloc(0x1000);
  image.writeUInt16LE(0xef53, 0x438);
  Buffer.from(UUID.replaceAll('-', ''), 'hex').copy(image, 0x468);
  return image;
}

async function fakeSupermin(script: string): Promise<void> {
  await writeFile(join(folder, 'supermin'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'supermin'), 0o755);
  process.env['PATH'] = `${folder}${delimiter}${PATH}`;
}

function prepare(signal = new AbortController().signal) {
  return prepareAppliance({
    path: [join(folder, 'lib')],
    cachedir: folder,
    cpu: 'x86_64',
    verbose: false,
    signal,
    log: () => undefined,
  });
}

describe('searchAppliance', () => {
  test('takes a supermin skeleton before a fixed appliance of the same folder', async () => {
    await put('supermin.d/base.tar.gz', 'supermin.d/packages', 'README.fixed', 'kernel', 'initrd', 'root');
    expect(await searchAppliance(['/nowhere', folder], 'x86_64')).toEqual({ kind: 'supermin', folder });
  });

  test('takes the first folder that has anything', async () => {
    await put('a/vmlinuz.x86_64', 'a/initramfs.x86_64.img', 'b/README.fixed', 'b/kernel', 'b/initrd', 'b/root');
    const found = await searchAppliance([join(folder, 'a'), join(folder, 'b')], 'x86_64');
    expect(found).toEqual({
      kind: 'ready',
      folder: join(folder, 'a'),
      files: { kernel: join(folder, 'a/vmlinuz.x86_64'), initrd: join(folder, 'a/initramfs.x86_64.img'), root: null },
    });
  });

  test('does not take half an appliance, nor one for another CPU', async () => {
    await put(
      'a/supermin.d/packages',
      'b/kernel',
      'b/initrd',
      'b/root',
      'c/vmlinuz.aarch64',
      'c/initramfs.aarch64.img',
    );
    const path = ['a', 'b', 'c'].map((name) => join(folder, name));
    await expect(searchAppliance(path, 'x86_64')).rejects.toMatchObject({
      code: 'ERR_GUESTFS_APPLIANCE_NOT_FOUND',
      message: expect.stringContaining(path.join(', ')),
      hint: expect.stringMatching(/apt install.*dnf install|fixed appliance/),
    });
  });
});

describe('readRootUuid', () => {
  test('reads the UUID of an ext superblock', async () => {
    await writeFile(join(folder, 'root'), extImage());
    expect(await readRootUuid(join(folder, 'root'))).toBe(UUID);
  });

  test.each([
    ['short', Buffer.alloc(100)],
    ['not ext', Buffer.alloc(0x1000)],
  ])('refuses a file that is %s', async (_what, content) => {
    await writeFile(join(folder, 'root'), content);
    await expect(readRootUuid(join(folder, 'root'))).rejects.toMatchObject({ code: 'ERR_GUESTFS_APPLIANCE_BUILD' });
  });
});

describe('prepareAppliance', () => {
  beforeEach(() => put('lib/supermin.d/base.tar.gz', 'lib/supermin.d/packages'));

  test('builds with supermin’s lock into a private folder', async () => {
    await writeFile(join(folder, 'image'), extImage());
    await fakeSupermin(`
      echo "$@" > ${folder}/arguments
      for last; do :; done
      mkdir -p "$last" && cp ${folder}/image "$last/root" && : > "$last/kernel" && : > "$last/initrd"`);
    const appliance = await prepare();
    const cache = join(folder, `.guestfs-${process.geteuid!()}`);
    expect(appliance).toEqual({
      kernel: join(cache, 'appliance.d/kernel'),
      initrd: join(cache, 'appliance.d/initrd'),
      root: join(cache, 'appliance.d/root'),
      rootUuid: UUID,
      rootFormat: 'raw',
    });
    expect(await readFile(join(folder, 'arguments'), 'utf8')).toBe(
      `--build --if-newer --lock ${cache}/lock --copy-kernel -f ext2 --host-cpu x86_64 ${folder}/lib/supermin.d -o ${cache}/appliance.d\n`,
    );
    expect((await stat(cache)).mode & 0o777).toBe(0o700);
  });

  test.each([
    ['cp: error writing: No space left on device', 'ERR_GUESTFS_NO_SPACE', /df -h/],
    ['supermin: error: failed to find a suitable kernel', 'ERR_GUESTFS_APPLIANCE_BUILD', /install a kernel/],
    ['supermin: error: something else', 'ERR_GUESTFS_APPLIANCE_BUILD', /LIBGUESTFS_DEBUG/],
  ])('explains a supermin that says %j', async (said, code, hint) => {
    await fakeSupermin(`echo '${said}' >&2; exit 1`);
    await expect(prepare()).rejects.toMatchObject({ code, hint: expect.stringMatching(hint), log: said });
  });

  test('names a kernel that cannot be read, and the command that mends it', async () => {
    process.env['SUPERMIN_KERNEL'] = '/boot/vmlinuz-x';
    try {
      await fakeSupermin(`echo "cp: cannot open '/boot/vmlinuz-x' for reading: Permission denied" >&2; exit 1`);
      await expect(prepare()).rejects.toMatchObject({
        code: 'ERR_GUESTFS_KERNEL_UNREADABLE',
        hint: 'sudo chmod 0644 /boot/vmlinuz-x',
      });
    } finally {
      delete process.env['SUPERMIN_KERNEL'];
    }
  });

  test('says how to install a supermin that is missing', async () => {
    process.env['PATH'] = folder;
    await expect(prepare()).rejects.toMatchObject({
      code: 'ERR_GUESTFS_APPLIANCE_BUILD',
      hint: expect.stringContaining('supermin'),
    });
  });

  test('ends a build that is aborted, also one whose children hold its output', async () => {
    await fakeSupermin('sleep 5 & echo started; wait');
    const abort = new AbortController();
    const building = prepare(abort.signal);
    abort.abort(new Error('enough'));
    await expect(building).rejects.toThrow('enough');
  });

  test('refuses a cache folder that is a link', async () => {
    const { symlink } = await import('node:fs/promises');
    await fakeSupermin('exit 1');
    await symlink('/tmp', join(folder, `.guestfs-${process.geteuid!()}`));
    await expect(prepare()).rejects.toMatchObject({ code: 'ERR_GUESTFS_UNSAFE_PATH' });
  });
});
