import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, jest, test } from '@jest/globals';
import { GUESTFS_EVENT, Guestfs, GuestfsError } from 'guestfs';
import type { GuestfsEvent, GuestfsOptions } from 'guestfs';
import { nativeDaemonMissing, startNativeDaemon } from '../support/native-daemon.js';
import type { NativeDaemon } from '../support/native-daemon.js';

jest.setTimeout(60_000);

const missing = nativeDaemonMissing();

/** Runs a test with a handle that is attached to a daemon on this machine. */
async function withGuest(
  body: (g: Guestfs, folder: string, daemon: NativeDaemon) => Promise<void>,
  options: GuestfsOptions = {},
): Promise<void> {
  await using daemon = await startNativeDaemon();
  await using g = new Guestfs({ environment: {}, autosync: false, ...options, backend: `unix:${daemon.socket}` });
  await g.launch();
  await body(g, daemon.folder, daemon);
}

function failure(work: PromiseLike<unknown>): Promise<GuestfsError> {
  return Promise.resolve(work).then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as GuestfsError,
  );
}

(missing === null ? describe : describe.skip)(
  `the facade over unix:PATH${missing === null ? '' : `: ${missing}`}`,
  () => {
    test('a file of the host is meant from the folder of the moment of the call, also when the call has to wait', () =>
      withGuest(async (g, folder) => {
        const home = process.cwd();
        const inside = join(folder, 'inside');
        await mkdir(join(inside, 'tree'), { recursive: true });
        await mkdir(join(folder, 'target'));
        await writeFile(join(inside, 'local'), 'sent');
        await writeFile(join(inside, 'tree/leaf'), 'leaf');
        process.chdir(inside);
        try {
          // What holds the others up.
          const first = g.copyIn('tree', join(folder, 'target'));
          const rest = [
            g.upload('local', join(folder, 'remote')),
            g.copyIn('tree/leaf', join(folder, 'target')),
            g.download(join(inside, 'local'), 'received'),
            g.copyOut(join(inside, 'local'), 'tree'),
            g.diskCreate('image', 'raw', 512),
          ];
          process.chdir(folder);
          await Promise.all([first, ...rest]);
        } finally {
          process.chdir(home);
        }
        expect(await readFile(join(folder, 'remote'), 'utf8')).toBe('sent');
        expect(await readFile(join(folder, 'target/tree/leaf'), 'utf8')).toBe('leaf');
        expect(await readFile(join(folder, 'target/leaf'), 'utf8')).toBe('leaf');
        expect(await readFile(join(inside, 'received'), 'utf8')).toBe('sent');
        expect(await readFile(join(inside, 'tree/local'), 'utf8')).toBe('sent');
        expect((await stat(join(inside, 'image'))).size).toBe(512);
      }));

    test('reads and writes files in every form of source and target', () =>
      withGuest(async (g, folder) => {
        const remote = join(folder, 'remote');
        const local = join(folder, 'local');
        const bytes = Buffer.alloc(3_000_000, 'guestfs');

        await g.upload(bytes, remote);
        expect((await readFile(remote)).equals(bytes)).toBe(true);
        await g.upload(Readable.from([bytes.subarray(0, 1000), bytes.subarray(1000)]), remote);
        expect((await g.readFile(remote)).equals(bytes)).toBe(true);
        await g.upload(Readable.toWeb(Readable.from([Buffer.from('web')])) as never, remote);
        expect(await g.cat(remote)).toBe('web');

        await writeFile(local, bytes);
        await g.upload(local, remote);
        await g.download(remote, `${local}2`);
        expect((await readFile(`${local}2`)).equals(bytes)).toBe(true);
        await g.download(remote, new URL(`file://${local}3`));
        expect((await stat(`${local}3`)).size).toBe(bytes.length);

        const through = new PassThrough();
        const collected = through.toArray();
        await g.download(remote, through);
        expect(Buffer.concat((await collected) as Buffer[]).equals(bytes)).toBe(true);

        const parts: Buffer[] = [];
        for await (const part of g.download(remote)) parts.push(part);
        expect(Buffer.concat(parts).equals(bytes)).toBe(true);

        const some: Buffer[] = [];
        for await (const part of g.downloadOffset(remote, 7, 14n)) some.push(part);
        expect(Buffer.concat(some).toString()).toBe('guestfsguestfs');
        await g.downloadOffset(remote, `${local}4`, 0, 7);
        expect(await readFile(`${local}4`, 'utf8')).toBe('guestfs');
      }));

    test('writes small and large content, and appends', () =>
      withGuest(async (g, folder) => {
        const path = join(folder, 'file');
        await g.write(path, 'one\r\ntwo\n');
        expect(await g.readLines(path)).toEqual(['one', 'two']);
        const large = Buffer.alloc(5_000_000, 'x');
        await Promise.all([g.write(path, 'head'), g.writeAppend(path, large), g.writeAppend(path, 'tail')]);
        const found = await readFile(path);
        expect(found.length).toBe(8 + large.length);
        expect(found.subarray(0, 5).toString() + found.subarray(-5).toString()).toBe('headxxtail');
        await g.write(path, large);
        expect((await stat(path)).size).toBe(large.length);
        await g.writeAppend(path, '');
        expect((await stat(path)).size).toBe(large.length);
      }));

    test('lists folders, in the order of the names` bytes, names of any bytes included', () =>
      withGuest(async (g, folder) => {
        const dir = join(folder, 'dir');
        await mkdir(join(dir, 'sub'), { recursive: true });
        const odd = Buffer.concat([Buffer.from(`${dir}/odd-`), Buffer.from([0xff])]);
        await writeFile(odd, 'odd');
        await writeFile(join(dir, 'ä'), '');
        await writeFile(join(dir, 'z'), '');
        await symlink('z', join(dir, 'link'));

        expect(await g.ls(dir)).toEqual(['link', 'odd-\udcff', 'sub', 'z', 'ä']);
        expect(await g.cat(`${dir}/odd-\udcff`)).toBe('odd');
        expect(await g.find(`${dir}/`)).toEqual(['link', 'odd-\udcff', 'sub', 'z', 'ä']);
        const entries = await g.readdir(dir);
        expect(Object.fromEntries(entries.map(({ name, ftyp }) => [name, ftyp]))).toEqual({
          '.': 'd',
          '..': 'd',
          link: 'l',
          'odd-\udcff': 'r',
          sub: 'd',
          z: 'r',
          ä: 'r',
        });
        expect(await g.readlinklist(dir, ['z', 'link', 'no'])).toEqual(['', 'z', '']);
      }));

    test('reads the status of thousands of names in batches', () =>
      withGuest(async (g, folder) => {
        await writeFile(join(folder, 'f'), '12345');
        const names = Array.from({ length: 2500 }, (_, i) => (i % 2 === 0 ? 'f' : `no${i}`));
        const list = await g.lstatnslist(folder, names);
        expect(list).toHaveLength(2500);
        expect(list[0]?.stSize).toBe(5n);
        expect(list[2499]?.stIno).toBe(-1n);
        expect((await g.lstatlist(folder, ['f']))[0]?.size).toBe(5n);
        expect((await g.lstat(join(folder, 'f'))).size).toBe((await g.lstatns(join(folder, 'f'))).stSize);
        expect(await g.lstatnslist(folder, [])).toEqual([]);

        // The names alone are more than a message holds.
        const long = Array.from({ length: 25_000 }, (_, i) => `${i}-`.padEnd(250, 'x'));
        long[24_998] = 'f';
        const found = await g.lstatnslist(folder, long);
        expect(found.map(({ stIno }, i) => (stIno === -1n ? -1 : i)).filter((i) => i >= 0)).toEqual([24_998]);
        expect(await g.readlinklist(folder, long)).toEqual(long.map(() => ''));
        const headers = await g.lxattrlist(folder, long);
        expect(headers.map(({ attrval }) => attrval.toString())).toEqual(
          long.map((name) => (name === 'f' ? '0\0' : '')),
        );
      }));

    test('keeps the order of what is issued without waiting, also across functions of several steps', () =>
      withGuest(async (g, folder) => {
        const local = join(folder, 'local');
        await writeFile(local, 'from a file');
        const remote = join(folder, 'remote');
        const results = await Promise.all([
          g.write(remote, 'first'),
          g.cat(remote),
          g.upload(local, remote),
          g.cat(remote),
          g.writeAppend(remote, '!'),
          g.cat(remote),
        ]);
        expect(results).toEqual([undefined, 'first', undefined, 'from a file', undefined, 'from a file!']);
      }));

    test('a call issued while the daemon is being reached waits for it', async () => {
      await using daemon = await startNativeDaemon();
      await using g = new Guestfs({ environment: {}, autosync: false, backend: `unix:${daemon.socket}` });
      const launching = g.launch();
      const [, umask] = await Promise.all([launching, g.getUmask()]);
      expect(umask).toBeGreaterThanOrEqual(0);
    });

    test('refuses wrong arguments before anything is sent, and names them', () =>
      withGuest(async (g, folder) => {
        const path = join(folder, 'x');
        const wrong: [PromiseLike<unknown>, RegExp][] = [
          [g.touch('a\0b'), /touch: argument `path` must not hold a NUL/],
          [g.touch(5 as never), /touch: argument `path` must be a string/],
          [g.mkdirMode(path, 1.5), /mkdirMode: argument `mode` must be an integer/],
          [g.truncateSize(path, 2n ** 63n), /truncateSize: argument `size` must be a bigint of 64 bits/],
          [
            g.mkfs('ext4', '/dev/sda', { blocksiez: 4096 } as never),
            /mkfs: option `blocksiez` is no option of it; these are: blocksize/,
          ],
          [g.mkfs('ext4', '/dev/sda', { blocksize: '4096' } as never), /mkfs: option `blocksize` must be a number/],
          [g.command(['a', 1] as never), /command: argument `argv\[1\]`|command: argument `arguments\[1\]`/],
          [g.upload(7 as never, path), /upload: argument `filename` must be a path/],
          [g.lstatnslist(folder, 'f' as never), /lstatnslist: argument `names` must be an array/],
          [g.touch(path, { signal: 1 as never }), /touch: option `signal` must be an AbortSignal/],
        ];
        for (const [call, message] of wrong) {
          const error = await failure(call);
          expect(GuestfsError.is(error)).toBe(true);
          expect(error.code).toBe('ERR_GUESTFS_ARGUMENT');
          expect(error.message).toMatch(message);
        }
        expect(await g.getUmask()).toBeGreaterThanOrEqual(0);
      }));

    test('tells the daemon`s errno, and errors of the host`s files with their own', () =>
      withGuest(async (g, folder) => {
        const error = await failure(g.cat(join(folder, 'no')));
        expect([error.code, error.operation]).toEqual(['ENOENT', 'cat']);
        expect((await failure(g.upload(join(folder, 'no'), join(folder, 'x')))).code).toBe('ENOENT');
        expect((await failure(g.upload(folder, join(folder, 'x')))).code).toBe('EISDIR');
        await writeFile(join(folder, 'f'), 'f');
        expect((await failure(g.download(join(folder, 'f'), join(folder, 'no', 'x')))).code).toBe('ENOENT');
        expect(await g.cat(join(folder, 'f'))).toBe('f');
      }));

    test('a failed download leaves no file that was not there', () =>
      withGuest(async (g, folder) => {
        const target = join(folder, 'target');
        await failure(g.download(join(folder, 'no'), target));
        await expect(stat(target)).rejects.toMatchObject({ code: 'ENOENT' });

        await writeFile(join(folder, 'big'), Buffer.alloc(8_000_000));
        const stop = new AbortController();
        // Counted here, so its first bytes report progress.
        const error = await failure(
          g.base64Out(join(folder, 'big'), target, { signal: stop.signal, onProgress: () => stop.abort() }),
        );
        expect(error.code).toBe('ERR_GUESTFS_CANCELLED');
        await expect(stat(target)).rejects.toMatchObject({ code: 'ENOENT' });
        expect(await g.getUmask()).toBeGreaterThanOrEqual(0);
      }));

    test('userCancel cancels a transfer that runs, and the connection stays usable', () =>
      withGuest(async (g, folder) => {
        async function* endless(): AsyncGenerator<Buffer> {
          for (let i = 0; ; i++) {
            if (i === 20) g.userCancel();
            await new Promise((resolve) => setTimeout(resolve, 1));
            yield Buffer.alloc(1000);
          }
        }
        const error = await failure(g.upload(endless(), join(folder, 'x')));
        expect(error.code).toBe('ERR_GUESTFS_CANCELLED');
        expect(await g.getUmask()).toBeGreaterThanOrEqual(0);
      }));

    test('traces calls and their results, and hides keys', () =>
      withGuest(
        async (g, folder) => {
          const lines: string[] = [];
          g.on('trace', ({ text }) => lines.push(text));
          await g.write(join(folder, 'f'), 'text');
          await failure(g.cat(join(folder, 'no')));
          await failure(g.luksOpen('/dev/sda', 'secret key', 'map'));
          g.setIdentifier('me');
          expect(lines[0]).toBe(`write "${folder}/f" "text"`);
          expect(lines[1]).toBe('write = 0');
          expect(lines[2]).toBe(`cat "${folder}/no"`);
          expect(lines[3]).toBe('cat = NULL (error)');
          expect(lines[4]).toBe('luks_open "/dev/sda" "***" "map"');
          expect(lines.join('\n')).not.toContain('secret key');
          expect(lines).toContain('set_identifier "me"');
        },
        { trace: true },
      ));

    test('sends launch progress, launchDone, enter, subprocessQuit and close events in order', async () => {
      await using daemon = await startNativeDaemon();
      const g = new Guestfs({ environment: {}, backend: `unix:${daemon.socket}`, autosync: false });
      const seen: string[] = [];
      const note = (event: GuestfsEvent): void => {
        if (event.type === 'progress') seen.push(`progress ${event.position}/${event.total}`);
        else if (event.type === 'enter') seen.push(`enter ${event.operation}`);
        else seen.push(event.type);
      };
      g.setEventCallback(note, GUESTFS_EVENT.ALL & ~GUESTFS_EVENT.LIBRARY & ~GUESTFS_EVENT.APPLIANCE);
      const launch = g.launch();
      const phases: bigint[] = [];
      for await (const progress of launch.progress()) phases.push(progress.position);
      expect(phases.at(-1)).toBe(12n);
      await g.getUmask();
      await g.shutdown();
      expect(g.isConfig()).toBe(true);
      await g.close();
      const order = seen.filter((each) => !each.startsWith('progress'));
      expect(order).toEqual([
        'enter launch',
        'launchDone',
        'enter getUmask',
        'enter shutdown',
        'subprocessQuit',
        'enter isConfig',
        'close',
      ]);
      expect(seen.indexOf('progress 12/12')).toBeLessThan(seen.indexOf('launchDone'));
    });

    test('a daemon that goes away rejects the call, tells why, and leaves the handle in the configuration state', () =>
      withGuest(async (g, folder, daemon) => {
        const quit = new Promise<{ expected: boolean; reason: string }>((resolve) => g.once('subprocessQuit', resolve));
        const sleeping = failure(g.upload(new PassThrough(), join(folder, 'x')));
        daemon.kill();
        expect((await sleeping).code).toBe('ERR_GUESTFS_CONNECTION_LOST');
        expect(await quit).toMatchObject({ expected: false });
        expect(g.isConfig()).toBe(true);
        expect((await failure(g.getUmask())).code).toBe('ERR_GUESTFS_STATE');
      }));

    test('refuses in the wrong state', () =>
      withGuest(async (g) => {
        expect(() => g.setMemsize(512)).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_STATE' }));
        expect(() => g.addDrive('/dev/null')).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_STATE' }));
        expect((await failure(g.launch())).code).toBe('ERR_GUESTFS_STATE');
        await g.close();
        expect(() => g.getMemsize()).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_CLOSED' }));
        expect((await failure(g.getUmask())).code).toBe('ERR_GUESTFS_CLOSED');
        expect((await failure(g.launch())).code).toBe('ERR_GUESTFS_CLOSED');
      }));

    test('asks for features, and knows devices by their names', () =>
      withGuest(async (g) => {
        expect(typeof (await g.featureAvailable(['xfs', 'lvm2']))).toBe('boolean');
        expect((await failure(g.available(['no such group']))).code).toBe('ERR_GUESTFS_ARGUMENT');
        expect(await g.deviceIndex('/dev/vdab')).toBe(27);
        expect((await failure(g.deviceIndex('/dev/sda1'))).code).toBe('ERR_GUESTFS_ARGUMENT');
        expect((await failure(g.deviceName(0))).code).toBe('EINVAL');
        expect(await g.canonicalDeviceName('/dev/hda1')).toBe('/dev/sda1');
        expect(await g.canonicalDeviceName('/dev/md0')).toBe('/dev/md0');
      }));

    test('refuses drives and unknown backends', async () => {
      await using daemon = await startNativeDaemon();
      await using g = new Guestfs({ environment: {}, backend: `unix:${daemon.socket}` });
      g.addDrive('/dev/null');
      expect((await failure(g.launch())).message).toMatch(/drive/);
      expect(g.isConfig()).toBe(true);
      expect(() => g.setBackend('qemu')).toThrow(/there is no backend "qemu"[\s\S]*direct[\s\S]*unix:PATH/);
      const error = await failure(Guestfs.open({ environment: {}, backend: 'unix:/no/such/socket' }));
      expect(error.code).toBe('ERR_GUESTFS_ATTACH');
    });
  },
);
