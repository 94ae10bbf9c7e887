import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
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

function prepare(signal = new AbortController().signal, verbose = false) {
  return prepareAppliance({
    path: [join(folder, 'lib')],
    cachedir: folder,
    cpu: 'x86_64',
    verbose,
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
    const { kernel, initrd, root, ...rest } = await prepare();
    const cache = join(folder, `.guestfs-${process.geteuid!()}`);
    expect(rest).toEqual({ rootUuid: UUID, rootFormat: 'raw' });
    for (const [name, file] of Object.entries({ kernel, initrd, root: root ?? '' })) {
      expect((await stat(file)).ino).toBe((await stat(join(cache, 'appliance.d', name))).ino);
    }
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

/** Like supermin: looks first, builds beside, and puts the result in place with two renames. Counts runs and builds. */
const SUPERMIN = (folder: string): string => `
  echo run >> ${folder}/runs
  for last; do :; done
  [ -e "$last/root" ] && exit 0
  echo build >> ${folder}/builds
  mkdir "$last.new"; cp ${folder}/image "$last.new/root"; echo kernel > "$last.new/kernel"; : > "$last.new/initrd"
  sleep 0.3
  if [ -e "$last" ]; then mv "$last" "$last.old"; fi
  mv "$last.new" "$last"; rm -rf "$last.old"`;

describe('an appliance that many want', () => {
  beforeEach(async () => {
    await put('lib/supermin.d/base.tar.gz', 'lib/supermin.d/packages');
    await writeFile(join(folder, 'image'), extImage());
    await fakeSupermin(SUPERMIN(folder));
  });
  const count = async (what: string): Promise<number> =>
    (await readFile(join(folder, what), 'utf8')).trim().split('\n').length;
  const cache = (): string => join(folder, `.guestfs-${process.geteuid!()}`);

  test('is built by one run of supermin for all that ask at once', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => prepare()));
    expect(new Set(all.map(({ root }) => root)).size).toBe(1);
    expect([await count('runs'), await count('builds')]).toEqual([1, 1]);
  });

  test('is built once though those that ask do not share a run, as other processes do not', async () => {
    await Promise.all([prepare(undefined, true), prepare(undefined, false)]);
    expect([await count('runs'), await count('builds')]).toEqual([2, 1]);
  });

  test('who gives up does not take it from the others', async () => {
    const abort = new AbortController();
    const [first, second] = [prepare(abort.signal), prepare()];
    abort.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    expect((await second).rootUuid).toBe(UUID);
    expect(await count('runs')).toBe(1);
  });

  test('an error is not kept', async () => {
    await fakeSupermin('exit 1');
    const [one, two] = await Promise.allSettled([prepare(), prepare()]);
    expect([one.status, two.status]).toEqual(['rejected', 'rejected']);
    await fakeSupermin(SUPERMIN(folder));
    expect((await prepare()).rootUuid).toBe(UUID);
  });

  test('keeps its files for who has them though it is built anew, until nobody has used them for long', async () => {
    const first = await prepare();
    await rm(join(cache(), 'appliance.d'), { recursive: true });
    await writeFile(join(folder, 'image'), Buffer.concat([extImage(), Buffer.from('another')]));
    const second = await prepare();
    expect(second.root).not.toBe(first.root);
    expect(await readFile(first.kernel, 'utf8')).toBe('kernel\n');
    expect((await stat(first.root!)).size).toBe(0x1000);
    const long = new Date(Date.now() - 3 * 60 * 60 * 1000);
    await utimes(join(first.root!, '..'), long, long);
    expect((await prepare()).root).toBe(second.root);
    await expect(stat(first.root!)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await stat(join(cache(), 'appliance.d/root'))).size).toBe(0x1000 + 'another'.length);
  });

  test('is whole while another program builds it again and again', async () => {
    await prepare();
    // Only the other program builds from now on.
    await fakeSupermin('exit 0');
    const target = join(cache(), 'appliance.d');
    let stop = false;
    const rebuilding = (async () => {
      for (let i = 0; !stop; i++) {
        await mkdir(`${target}.${i}`);
        for (const name of ['kernel', 'initrd']) await writeFile(join(`${target}.${i}`, name), String(i));
        await writeFile(join(`${target}.${i}`, 'root'), Buffer.concat([extImage(), Buffer.from(String(i))]));
        await rename(target, `${target}.old`);
        await rename(`${target}.${i}`, target);
        await rm(`${target}.old`, { recursive: true });
      }
    })();
    try {
      for (let i = 0; i < 20; i++) {
        const { kernel, initrd, root } = await prepare();
        const build = await readFile(kernel, 'utf8');
        expect(await readFile(initrd, 'utf8')).toBe(build === 'kernel\n' ? '' : build);
        if (build !== 'kernel\n') expect((await readFile(root!)).subarray(0x1000).toString()).toBe(build);
      }
    } finally {
      stop = true;
      await rebuilding;
    }
  });
});
