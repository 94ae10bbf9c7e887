import { lstat, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { procedures } from '@guestfs/core/protocol';
import { GuestfsError, type Guestfs } from 'guestfs';
import { signatures } from '../../../packages/guestfs/src/generated/signatures.js';
import { nativeDaemonMissing } from '../../support/native-daemon.js';
import { openNative, type NativeGuestfs } from '../../support/native-guestfs.js';

const MIB = 1024 * 1024;
const whenPossible = nativeDaemonMissing() === null ? describe : describe.skip;

/** What a call fails with, thrown or rejected. */
async function failure(call: () => unknown): Promise<GuestfsError> {
  try {
    await call();
  } catch (error) {
    return error as GuestfsError;
  }
  throw new Error('it did not fail');
}

whenPossible('bad input', () => {
  let native: NativeGuestfs;
  let g: Guestfs;
  let file: string;
  let sent = 0;

  beforeAll(async () => {
    native = await openNative();
    ({ g } = native);
    file = join(native.folder, 'file');
    await writeFile(file, 'content');
    g.on('enter', () => sent++);
  });
  afterAll(async () => native[Symbol.asyncDispose]());

  const stillWorks = async (): Promise<void> => expect(await g.cat(file)).toBe('content');

  it('is refused by every function, with the argument named and before anything is sent', async () => {
    const methods = g as unknown as Record<string, ((...args: unknown[]) => unknown) | undefined>;
    const all = [...Object.values(procedures), ...Object.values(signatures)];
    // What stands for a file is checked apart.
    const known = all.filter(
      (each) => !('transfer' in each) && typeof methods[each.name] === 'function' && each.args.length > 0,
    );
    expect(known.length).toBeGreaterThan(400);
    const before = sent;
    for (const { name, args } of known) {
      if (args.every(({ type }) => (type as string) === 'pointer')) continue;
      for (const wrong of [undefined, Symbol('wrong'), () => 0]) {
        const error = await failure(() => methods[name]?.(...args.map(() => wrong)));
        expect([name, error.code]).toEqual([name, 'ERR_GUESTFS_ARGUMENT']);
        expect(error.message).toContain(name);
      }
    }
    expect(sent).toBe(before);
    await stillWorks();
  }, 60_000);

  it.each<[string, (g: Guestfs) => unknown, RegExp]>([
    ['a NUL in a string', (g) => g.cat('/a\0b'), /`path` must not hold a NUL/],
    ['a NUL in a list', (g) => g.lstatnslist('/', ['a', 'b\0']), /`names\[1\]`|`names`/],
    ['an int out of range', (g) => g.truncateSize(file, 2n ** 63n), /`size`/],
    ['a number that is no integer', (g) => g.pread(file, 1.5, 0), /`count`/],
    ['an unsafe integer', (g) => g.pread(file, 1, 2 ** 60), /`offset`/],
    ['an int of more than 32 bits', (g) => g.pread(file, 2 ** 31, 0), /`count`/],
    ['an unknown option', (g) => g.mkfs('ext4', '/dev/sda', { colour: 'red' } as never), /`colour`/],
    ['an option of a wrong type', (g) => g.mkfs('ext4', '/dev/sda', { blocksize: '4096' as never }), /`blocksize`/],
    ['options that are no object', (g) => g.mkfs('ext4', '/dev/sda', 5 as never), /options/],
    ['a signal that is none', (g) => g.cat(file, { signal: {} as never }), /`signal`/],
    ['a source that is none', (g) => g.upload(5 as never, file), /argument `filename`/],
  ])('refuses %s', async (_, call, message) => {
    const error = await failure(() => call(g));
    expect(error).toMatchObject({ name: 'GuestfsError', code: 'ERR_GUESTFS_ARGUMENT' });
    expect(error.message).toMatch(message);
    await stillWorks();
  });

  it('refuses what does not fit into a message, and names the limit', async () => {
    const long = 'x'.repeat(5 * MIB);
    for (const call of [
      () => g.cat(long),
      () => g.pwrite(file, Buffer.alloc(5 * MIB), 0),
      () => g.command(['true', long]),
      () => g.lstatnslist(native.folder, ['file', long]),
      () => g.upload(file, long),
      () => g.download(long, join(native.folder, 'never')),
      () => g.mkfs('ext4', '/dev/none', { label: long }),
      () => g.write(long, 'x'),
      () => g.copyIn(file, long),
    ]) {
      const error = await failure(call);
      expect(error.code).toBe('ERR_GUESTFS_MESSAGE_TOO_LARGE');
      expect(error.message).toMatch(/longer than the 4 MiB /);
      expect(error.message.length).toBeLessThan(500);
    }
    await expect(lstat(join(native.folder, 'never'))).rejects.toMatchObject({ code: 'ENOENT' });
    await stillWorks();
  });

  it('tells of a source that fails in the middle, and ends it', async () => {
    const broken = Readable.from(
      (async function* () {
        yield Buffer.alloc(3 * MIB, 'x');
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error('the tape broke');
      })(),
    );
    const target = join(native.folder, 'broken');
    const error = await failure(() => g.upload(broken, target));
    expect(error.code).toBe('ERR_GUESTFS_TRANSFER');
    expect((error.cause as Error).message).toBe('the tape broke');
    expect(broken.destroyed).toBe(true);
    await expect(lstat(target)).resolves.toMatchObject({});
    const none = await failure(() => g.upload(join(native.folder, 'none'), target));
    expect(none.code).toBe('ENOENT');
    await stillWorks();
  });

  it('tells of a target of this host, or of the guest, that is full', async () => {
    await writeFile(join(native.folder, 'large'), Buffer.alloc(8 * MIB, 'x'));
    expect((await failure(() => g.download(join(native.folder, 'large'), '/dev/full'))).code).toBe('ENOSPC');
    await stillWorks();
    const full = await failure(() => g.upload(join(native.folder, 'large'), '/dev/full'));
    expect(full.code).toBe('ERR_GUESTFS_DAEMON');
    expect(full.message).toMatch(/^upload\("\/dev\/full"\): .*write error/);
    await stillWorks();
    const uploads = [Buffer.alloc(MIB), Readable.from([Buffer.alloc(MIB), Buffer.alloc(MIB)])];
    for (const source of uploads)
      expect(GuestfsError.is(await failure(() => g.upload(source, '/dev/full')))).toBe(true);
    const lost: Buffer[] = [];
    const half = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lost.push(chunk);
        done(lost.length > 2 ? Object.assign(new Error('no room'), { code: 'ENOSPC' }) : null);
      },
    });
    expect((await failure(() => g.download(join(native.folder, 'large'), half))).code).toBe('ENOSPC');
    await stillWorks();
    expect((await failure(() => g.write('/dev/full', 'x'))).code).toBe('ENOSPC');
    expect(await readFile(file, 'utf8')).toBe('content');
    await stillWorks();
  });
});
