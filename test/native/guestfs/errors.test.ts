import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Guestfs, GuestfsError } from 'guestfs';
import { nativeDaemonMissing } from '../../support/native-daemon.js';
import { openNative, type NativeGuestfs } from '../../support/native-guestfs.js';

// The daemon runs a program of the system before and after each file, which takes its time on a busy machine.
jest.setTimeout(60_000);

const whenPossible = nativeDaemonMissing() === null ? describe : describe.skip;

async function failure(call: () => unknown): Promise<GuestfsError> {
  try {
    await call();
  } catch (error) {
    return error as GuestfsError;
  }
  throw new Error('it did not fail');
}

/** The line of this file that calls this function. */
function hereLine(): number {
  return lineOf(new Error('here').stack, 1);
}

/** The line of this file that a stack shows: the first one, or the one after. */
function lineOf(stack: string | undefined, skip = 0): number {
  return Number([...(stack ?? '').matchAll(/errors\.test\.ts:(\d+)/g)][skip]?.[1]);
}

whenPossible('errors', () => {
  let native: NativeGuestfs;
  let g: Guestfs;
  let folder: string;

  beforeAll(async () => {
    native = await openNative();
    ({ g, folder } = native);
    await writeFile(join(folder, 'file'), 'content');
    await mkdir(join(folder, 'folder'));
  });
  afterAll(async () => native[Symbol.asyncDispose]());

  it.each<[string, (g: Guestfs, folder: string) => unknown, string]>([
    ['a call', (g, f) => g.rmdir(`${f}/none`), 'ENOENT rmdir("FOLDER/none"): '],
    ['a call with numbers', (g, f) => g.pread(`${f}/none`, 5, 7n), 'ENOENT pread("FOLDER/none", 5, 7): '],
    [
      'a call with options',
      (g, f) => g.grep('x', `${f}/none`, { insensitive: true, fixed: undefined, onProgress: () => undefined }),
      'ENOENT grep("x", "FOLDER/none", { insensitive: true }): ',
    ],
    [
      'an upload with options',
      (g, f) => g.tarIn(Buffer.alloc(0), `${f}/none`, { compress: 'gzip' }),
      'ENOENT tarIn("FOLDER/none", { compress: "gzip" }): ',
    ],
    [
      'a download with options',
      (g, f) => g.tarOut(`${f}/none`, `${f}/x`, { excludes: ['a', 'b'] }),
      'ENOENT tarOut("FOLDER/none", { excludes: ["a", "b"] }): ',
    ],
    [
      'a function that returns at once, with options',
      (_, f) => new Guestfs({ environment: {} }).addDrive(`${f}/none`, { readonly: true }),
      'ENOENT addDrive("FOLDER/none", { readonly: true }): ',
    ],
    [
      'a function with a secret among its options',
      () => new Guestfs({ environment: {} }).addDrive('x', { protocol: 'nonsense', secret: 'word' }),
      'ERR_GUESTFS_ARGUMENT addDrive("x", { protocol: "nonsense", secret: *** }): ',
    ],
    ['a function of the library', (g, f) => g.cat(`${f}/none`), 'ENOENT cat("FOLDER/none"): '],
    [
      'one of several calls',
      (g, f) => g.lstatlist(`${f}/none`, ['a', 'b']),
      'ENOENT lstatlist("FOLDER/none", ["a", "b"]): ',
    ],
    ['bytes', (g, f) => g.write(`${f}/none/x`, Buffer.alloc(9)), 'ENOENT write("FOLDER/none/x", <9 bytes>): '],
    ['long texts', (g) => g.cat(`/${'x'.repeat(5000)}`), `ENAMETOOLONG cat("/${'x'.repeat(59)}"…): `],
    ['copyIn', (g, f) => g.copyIn(`${f}/none`, '/tmp'), 'ENOENT copyIn("FOLDER/none", "/tmp"): '],
    [
      'copyIn in the guest',
      (g, f) => g.copyIn(`${f}/file`, `${f}/none`),
      'ENOENT copyIn("FOLDER/file", "FOLDER/none"): ',
    ],
    ['copyOut', (g, f) => g.copyOut(`${f}/none`, '/tmp'), 'ENOENT copyOut("FOLDER/none", "/tmp"): '],
    [
      'copyOut on the host',
      (g, f) => g.copyOut(`${f}/file`, `${f}/none`),
      'ENOENT copyOut("FOLDER/file", "FOLDER/none"): ',
    ],
    ['an upload', (g, f) => g.upload(Buffer.from('x'), `${f}/folder`), 'EISDIR upload("FOLDER/folder"): '],
    ['an upload of nothing', (g, f) => g.upload(`${f}/none`, `${f}/x`), 'ENOENT upload("FOLDER/x"): '],
    ['a download', (g, f) => g.download(`${f}/none`, `${f}/x`), 'ENOENT download("FOLDER/none"): '],
    ['a download to nowhere', (g, f) => g.download(`${f}/file`, `${f}/none/x`), 'ENOENT download("FOLDER/file"): '],
    [
      'a download without a reader',
      (g, f) => g.download(`${f}/file`),
      'ERR_GUESTFS_NO_TARGET download("FOLDER/file"): ',
    ],
    ['a function that returns at once', (g) => g.setMemsize(1), 'ERR_GUESTFS_STATE setMemsize(1): '],
    [
      'one called by another name',
      (g, f) => new Guestfs({ environment: {} }).addDriveRo(`${f}/none`),
      'ENOENT addDriveRo("FOLDER/none"): ',
    ],
    [
      'what was cancelled',
      (g, f) => g.cat(`${f}/x`, { signal: AbortSignal.abort() }),
      'ERR_GUESTFS_CANCELLED cat("FOLDER/x"): ',
    ],
    [
      'what has no daemon',
      (_, f) => new Guestfs({ environment: {} }).lstatns(`${f}/x`),
      'ERR_GUESTFS_STATE lstatns("FOLDER/x"): ',
    ],
    ['what cannot be had', (g) => g.mountLocal('/mnt'), 'ERR_GUESTFS_UNSUPPORTED mountLocal("/mnt"): '],
  ])('of %s show the function and its arguments', async (_, call, expected) => {
    const { code, message, operation, args, stack } = await failure(() => call(g, folder));
    const shown = `${code} ${message}`.replaceAll(folder, 'FOLDER');
    expect(shown.slice(0, expected.length)).toBe(expected);
    expect(message.startsWith(`${operation}${args}: `)).toBe(true);
    expect(stack?.startsWith(`GuestfsError: ${message}`)).toBe(true);
  });

  it('never show keys and passwords', async () => {
    const secret = 'my dear secret';
    const errors = [
      await failure(() => g.luksOpen('/dev/none', secret, 'map')),
      await failure(() => g.luksAddKey('/dev/none', secret, secret, 1)),
      await failure(() => g.luksKillSlot('/dev/none', `${secret}\0`, 1)),
      await failure(() => g.cryptsetupOpen('/dev/none', secret, 'map', { signal: AbortSignal.abort() })),
      await failure(() => new Guestfs({ environment: {} }).luksFormat('/dev/none', secret, 0)),
      await failure(() => g.setLibvirtRequestedCredential(5, secret)),
      await failure(() => new Guestfs({ environment: {} }).addDrive('x', { protocol: 'nbd', secret })),
    ];
    for (const { message, stack } of errors) {
      expect(message).not.toContain(secret);
      expect(stack).not.toContain(secret);
    }
    expect(errors[0]?.message).toMatch(/^luksOpen\("\/dev\/none", \*\*\*, "map"\): /);
  });

  it("show the caller's line, whatever failed and where it was noticed", async () => {
    const none = join(folder, 'none');
    const closed = new PassThrough();
    closed.destroy();
    async function* broken(): AsyncGenerator<Buffer> {
      yield await Promise.reject(new Error('broken'));
    }
    // One call a line: the line of each is compared with the one that its error shows.
    const calls: [number, () => unknown][] = [
      [hereLine(), () => g.lstatns(none)],
      [hereLine(), () => g.cat(none)],
      [hereLine(), () => g.copyIn(none, '/tmp')],
      [hereLine(), () => g.upload(none, '/tmp/x')],
      [hereLine(), () => g.upload(broken(), join(folder, 'x'))],
      [hereLine(), () => g.download(join(folder, 'file'), closed)],
      [hereLine(), () => g.download(none, '/tmp/x')],
      [hereLine(), () => g.download(join(folder, 'file'))],
      [hereLine(), () => g.mkfs('ext4', '/dev/none', { blocksiez: 1 } as never)],
      [hereLine(), () => g.setMemsize(5)],
      [hereLine(), () => g.cat('x', { signal: AbortSignal.abort() })],
      [hereLine(), () => g.lstatns('x', { signal: AbortSignal.abort() })],
      [hereLine(), () => new Guestfs({ environment: {} }).listDevices()],
      [hereLine(), () => Guestfs.open({ environment: {}, drives: [none] })],
    ];
    for (const [line, call] of calls) expect(lineOf((await failure(call)).stack)).toBe(line);
  });

  it("show the caller's line also where very many calls fail, awaited one by one or together", async () => {
    const none = join(folder, 'none');
    for (const start of [() => g.lstatns(none), () => g.stat(none), () => g.cat(none), () => g.fs.stat(none)]) {
      for (let i = 0; i < 40; i++) expect((await failure(start)).stack).toMatch(/errors\.test\.ts:\d+/);
      const all = await Promise.allSettled(Array.from({ length: 40 }, () => start()));
      for (const each of all) {
        expect((each as PromiseRejectedResult).reason.stack).toMatch(/errors\.test\.ts:\d+/);
      }
    }
  });

  it('are typed errors of this package, and of the daemon keep its errno', async () => {
    const error = await failure(() => g.lstatns(join(folder, 'none')));
    expect(error).toBeInstanceOf(GuestfsError);
    expect(error).toMatchObject({ name: 'GuestfsError', code: 'ENOENT', errno: 2, operation: 'lstatns' });
    expect(error.serial).toBeGreaterThan(0);
  });

  it('do not disturb the call after', async () => {
    const calls = Array.from({ length: 60 }, (_, i) => g.cat(join(folder, i % 2 === 0 ? 'file' : 'none')));
    const results = await Promise.allSettled(calls);
    expect(results.map(({ status }) => status)).toEqual(calls.map((_, i) => (i % 2 === 0 ? 'fulfilled' : 'rejected')));
  });
});
