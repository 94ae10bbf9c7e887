import type nodeFs from 'node:fs';
import { constants } from 'node:fs';
import * as node from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { GuestFs } from 'guestfs';
import { nativeDaemonMissing } from '../../support/native-daemon.js';
import { openNative, type NativeGuestfs } from '../../support/native-guestfs.js';

const missing = nativeDaemonMissing();
const whenPossible = missing === null ? describe : describe.skip;

/** The fields of an error as node:fs gives it. */
async function failure(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  const error = (await promise.then(
    () => ({ message: 'it did not fail' }),
    (reason: unknown) => reason,
  )) as Record<string, unknown>;
  const { code, errno, syscall, path, dest, message, name } = error;
  return { code, errno, syscall, path, dest, message, name };
}

whenPossible('g.fs beside node:fs, on the same files', () => {
  let native: NativeGuestfs;
  let fs: GuestFs;
  let root: string;
  const at = (...names: string[]): string => join(root, ...names);

  beforeAll(async () => {
    native = await openNative();
    fs = native.g.fs;
    root = join(native.folder, 'files');
    await node.mkdir(root);
  });
  afterAll(async () => native[Symbol.asyncDispose]());

  it('writes and reads content in every form that node:fs takes', async () => {
    await fs.writeFile(at('a'), 'héllo');
    expect(await node.readFile(at('a'), 'utf8')).toBe('héllo');
    expect(await fs.readFile(at('a'), 'utf8')).toBe('héllo');
    expect(await fs.readFile(at('a'), { encoding: 'latin1' })).toBe(Buffer.from('héllo').toString('latin1'));
    expect(await fs.readFile(at('a'))).toEqual(Buffer.from('héllo'));
    await fs.appendFile(at('a'), new Uint8Array([33, 34]).subarray(1));
    expect(await node.readFile(at('a'), 'utf8')).toBe('héllo"');
    await fs.writeFile(at('a'), ['one ', 'two'], 'utf8');
    await fs.writeFile(at('a'), fs.createReadStream(at('a')), { flag: 'a' });
    expect(await node.readFile(at('a'), 'utf8')).toBe('one twoone two');
    await fs.writeFile(at('a'), '6869', { encoding: 'hex' });
    expect(await node.readFile(at('a'), 'utf8')).toBe('hi');
    await fs.writeFile(at('a'), 'HI there', { flag: 'r+' });
    await fs.writeFile(at('a'), 'hi', { flag: 'r+' });
    expect(await fs.readFile(pathToFileURL(at('a')), 'utf8')).toBe('hi there');
    await fs.truncate(at('a'), 3);
    expect(await fs.readFile(Buffer.from(at('a')), 'utf8')).toBe('hi ');
  });

  it('moves more than a message holds', async () => {
    const big = Buffer.alloc(9 * 1024 * 1024 + 17, 'abcdefg');
    await fs.writeFile(at('big'), big);
    expect((await node.readFile(at('big'))).equals(big)).toBe(true);
    expect((await fs.readFile(at('big'))).equals(big)).toBe(true);
    await fs.appendFile(at('big'), big);
    expect((await node.stat(at('big'))).size).toBe(2 * big.length);
    await fs.rm(at('big'));
  });

  it('gives the modes and flags of new files their meaning', async () => {
    await fs.writeFile(at('run.sh'), 'x', { mode: 0o755 });
    expect((await node.stat(at('run.sh'))).mode & 0o777).toBe(0o755);
    await fs.writeFile(at('run.sh'), 'y', { mode: 0o600 });
    expect((await node.stat(at('run.sh'))).mode & 0o777).toBe(0o755);
    await fs.writeFile(at('new'), '1', { flag: 'wx' });
    expect(await failure(fs.writeFile(at('new'), '2', { flag: 'wx' }))).toEqual(
      await failure(node.writeFile(at('new'), '2', { flag: 'wx' })),
    );
    expect(await node.readFile(at('new'), 'utf8')).toBe('1');
    await node.symlink('behind', at('dangling'));
    await fs.writeFile(at('dangling'), 'through the link', { flag: 'a' });
    expect(await node.readFile(at('behind'), 'utf8')).toBe('through the link');
  });

  it('tells of files exactly what node:fs tells', async () => {
    await node.mkdir(at('folder'));
    await node.symlink('folder', at('link'));
    for (const name of ['a', 'folder', 'link', 'run.sh']) {
      for (const which of ['stat', 'lstat'] as const) {
        const [ours, theirs] = [await fs[which](at(name)), await node[which](at(name))];
        for (const field of [
          'dev',
          'ino',
          'mode',
          'nlink',
          'uid',
          'gid',
          'rdev',
          'size',
          'blksize',
          'blocks',
        ] as const) {
          expect([field, ours[field]]).toEqual([field, theirs[field]]);
        }
        expect(ours.mtimeMs).toBeCloseTo(theirs.mtimeMs, 3);
        expect(ours.mtime.getTime()).toBe(theirs.mtime.getTime());
        expect(ours.ctimeMs).toBeCloseTo(theirs.ctimeMs, 3);
        expect([ours.isFile(), ours.isDirectory(), ours.isSymbolicLink(), ours.isFIFO()]).toEqual([
          theirs.isFile(),
          theirs.isDirectory(),
          theirs.isSymbolicLink(),
          theirs.isFIFO(),
        ]);
        const [bigOurs, bigTheirs] = [
          await fs[which](at(name), { bigint: true }),
          await node[which](at(name), { bigint: true }),
        ];
        for (const field of ['ino', 'size', 'mtimeNs', 'ctimeNs', 'mode'] as const) {
          expect([field, bigOurs[field]]).toEqual([field, bigTheirs[field]]);
        }
      }
    }
  });

  it('fails as node:fs fails', async () => {
    await fs.writeFile(at('full', '..', 'plain'), 'x').catch(() => undefined);
    await node.mkdir(at('full'));
    await node.writeFile(at('full', 'file'), '');
    const cases: [string, (f: typeof node) => Promise<unknown>][] = [
      ['readFile of nothing', (f) => f.readFile(at('none'))],
      ['writeFile below nothing', (f) => f.writeFile(at('none', 'x'), '')],
      ['open of nothing', (f) => f.open(at('none'))],
      ['open of a folder for writing', (f) => f.open(at('full'), 'r+')],
      ['stat of nothing', (f) => f.stat(at('none'))],
      ['lstat below a file', (f) => f.lstat(at('a', 'b'))],
      ['an empty path', (f) => f.stat('')],
      ['access to nothing', (f) => f.access(at('none'))],
      ['running what nobody may', (f) => f.access(at('a'), constants.X_OK)],
      ['readdir of nothing', (f) => f.readdir(at('none'))],
      ['readdir of a file', (f) => f.readdir(at('a'))],
      ['mkdir of what is there', (f) => f.mkdir(at('full'))],
      ['mkdir below nothing', (f) => f.mkdir(at('none', 'x'))],
      ['mkdir in the place of a file', (f) => f.mkdir(at('a'), { recursive: true })],
      ['rmdir of a full folder', (f) => f.rmdir(at('full'))],
      ['rmdir of a file', (f) => f.rmdir(at('a'))],
      ['unlink of nothing', (f) => f.unlink(at('none'))],
      ['rename of nothing', (f) => f.rename(at('none'), at('x'))],
      ['link to nothing', (f) => f.link(at('none'), at('x'))],
      ['link over a file', (f) => f.link(at('a'), at('run.sh'))],
      ['symlink over a file', (f) => f.symlink('t', at('a'))],
      ['symlink over a folder', (f) => f.symlink('t', at('full'))],
      ['chmod of nothing', (f) => f.chmod(at('none'), 0o600)],
      ['chown of nothing', (f) => f.chown(at('none'), 0, 0)],
      ['utimes of nothing', (f) => f.utimes(at('none'), 1, 1)],
      ['lutimes of nothing', (f) => f.lutimes(at('none'), 1, 1)],
      ['truncate of nothing', (f) => f.truncate(at('none'))],
      ['copyFile of nothing', (f) => f.copyFile(at('none'), at('x'))],
      ['copyFile over a file that must not be', (f) => f.copyFile(at('a'), at('run.sh'), constants.COPYFILE_EXCL)],
    ];
    for (const [name, run] of cases) {
      expect([name, await failure(run(fs as unknown as typeof node))]).toEqual([name, await failure(run(node))]);
    }
    expect((await failure(fs.readFile(at('full')))).code).toBe('EISDIR');
    const large = Buffer.alloc(5 * 1024 * 1024);
    for (const data of [large, [large, large]]) {
      const expected = { code: 'ENOSPC', syscall: 'write', path: '/dev/full' };
      expect(await failure(fs.writeFile('/dev/full', data))).toMatchObject(expected);
    }
    expect((await failure(fs.mkdtemp(at('none', 'x')))).code).toBe('ENOENT');
    expect((await failure(fs.rm(at('none')))).code).toBe('ENOENT');
    expect((await failure(fs.rm(at('full')))).code).toBe('ERR_FS_EISDIR');
    for (const bad of [undefined, 5, {}]) {
      expect((await failure(fs.stat(bad as unknown as string))).code).toBe('ERR_INVALID_ARG_TYPE');
    }
    expect((await failure(fs.stat('/a\0b'))).code).toBe('ERR_INVALID_ARG_VALUE');
    expect((await failure(fs.chmod(at('a'), 'rwx'))).code).toBe('ERR_INVALID_ARG_VALUE');
    expect((await failure(fs.open(at('a'), 'q'))).code).toBe('ERR_INVALID_ARG_VALUE');
  });

  it('shows the line that asked in the stack, and the guest error as the cause', async () => {
    const error = await fs.stat(at('none')).catch((reason: unknown) => reason as Error);
    expect((error as Error).stack).toContain('fs.test.ts');
    expect(((error as Error).cause as Error).name).toBe('GuestfsError');
  });

  it('lists folders as node:fs does', async () => {
    await fs.mkdir(at('tree', 'x', 'y'), { recursive: true });
    await fs.writeFile(at('tree', 'x', 'file'), '');
    await fs.symlink('x', at('tree', 'l'));
    expect((await fs.readdir(at('tree'))).sort()).toEqual((await node.readdir(at('tree'))).sort());
    const recursive = { recursive: true } as const;
    // Node 20 follows links here, later ones do not.
    const listed = (await node.readdir(at('tree'), recursive)).filter((name) => !name.startsWith('l/'));
    expect((await fs.readdir(at('tree'), recursive)).sort()).toEqual(listed.sort());
    const types = { withFileTypes: true } as const;
    const [ours, theirs] = [await fs.readdir(at('tree'), types), await node.readdir(at('tree'), types)];
    const shape = (
      entries: { name: string; parentPath: string; isDirectory(): boolean; isSymbolicLink(): boolean }[],
    ) => entries.map((e) => [e.name, e.parentPath, e.isDirectory(), e.isSymbolicLink()]).sort();
    expect(shape(ours)).toEqual(shape(theirs));
    const seen: string[] = [];
    for await (const entry of await fs.opendir(at('tree'))) seen.push(entry.name);
    expect(seen.sort()).toEqual(['l', 'x']);
    const folder = await fs.opendir(at('tree'));
    await folder.read();
    await folder.close();
    await expect(folder.read()).rejects.toMatchObject({ code: 'ERR_DIR_CLOSED' });
  });

  it('makes and removes folders', async () => {
    expect(await fs.mkdir(at('p', 'q', 'r'), { recursive: true })).toBe(at('p'));
    expect(await fs.mkdir(at('p', 'q', 'r'), { recursive: true })).toBeUndefined();
    expect(await fs.mkdir(at('p', 'm'), 0o700)).toBeUndefined();
    expect((await node.stat(at('p', 'm'))).mode & 0o777).toBe(0o700);
    await fs.writeFile(at('p', 'q', 'file'), 'x');
    await fs.rm(at('p'), { recursive: true });
    expect(await fs.exists(at('p'))).toBe(false);
    await fs.rm(at('p'), { recursive: true, force: true });
    const made = await fs.mkdtemp(at('temp-'));
    expect(made).toMatch(/temp-.{6}$/);
    await fs.rmdir(made);
  });

  it('removes a link and not what it leads to', async () => {
    await fs.mkdir(at('kept'));
    await fs.writeFile(at('kept', 'file'), 'x');
    await fs.symlink(at('kept'), at('door'));
    await fs.rm(at('door'), { recursive: true });
    expect(await fs.exists(at('kept', 'file'))).toBe(true);
  });

  it('changes modes, times and names', async () => {
    await fs.writeFile(at('m'), 'x');
    await fs.chmod(at('m'), 0o4711);
    expect((await node.stat(at('m'))).mode & 0o7777).toBe(0o4711);
    await fs.chmod(at('m'), '600');
    await fs.utimes(at('m'), 1000.5, new Date(2_000_000_123));
    const stats = await node.stat(at('m'));
    expect([stats.atimeMs, stats.mtimeMs, stats.mode & 0o777]).toEqual([1_000_500, 2_000_000_123, 0o600]);
    await fs.symlink('m', at('ml'));
    await fs.lutimes(at('ml'), 5, 5);
    expect((await node.lstat(at('ml'))).mtimeMs).toBe(5000);
    expect((await node.stat(at('ml'))).mtimeMs).toBe(2_000_000_123);
    await fs.rename(at('m'), at('n'));
    await fs.link(at('n'), at('n2'));
    expect((await node.stat(at('n'))).nlink).toBe(2);
    await fs.chown(at('n'), 12, 34);
    expect(await node.stat(at('n'))).toMatchObject({ uid: 12, gid: 34 });
    await fs.unlink(at('ml'));
  });

  it('copies files and trees', async () => {
    await fs.mkdir(at('from', 'in'), { recursive: true });
    await fs.writeFile(at('from', 'in', 'file'), 'content', { mode: 0o700 });
    await fs.writeFile(at('from', 'skipped'), '');
    await fs.cp(at('from'), at('to'), { recursive: true, filter: (source) => !source.endsWith('skipped') });
    expect(await node.readdir(at('to'))).toEqual(['in']);
    expect((await node.stat(at('to', 'in', 'file'))).mode & 0o777).toBe(0o700);
    await fs.copyFile(at('from', 'in', 'file'), at('copy'));
    expect(await node.readFile(at('copy'), 'utf8')).toBe('content');
    await fs.copyFile(at('copy'), at('copy'));
    expect(await node.readFile(at('copy'), 'utf8')).toBe('content');
    await expect(fs.cp(at('from'), at('from', 'inside'), { recursive: true })).rejects.toMatchObject({
      code: 'EINVAL',
    });
  });

  it('keeps names of any bytes', async () => {
    const name = Buffer.from('caf\xe9-\xff', 'latin1');
    const path = Buffer.concat([Buffer.from(at('bytes/')), name]);
    await fs.mkdir(at('bytes'));
    await fs.writeFile(path, 'eight bits');
    expect(await node.readFile(path, 'utf8')).toBe('eight bits');
    expect(await fs.readdir(at('bytes'), 'buffer')).toEqual([name]);
    const [asText] = await fs.readdir(at('bytes'));
    expect(await fs.readFile(at('bytes', asText!), 'utf8')).toBe('eight bits');
    await fs.rename(at('bytes', asText!), Buffer.concat([path, Buffer.from('2')]));
    expect(await node.readdir(at('bytes'), 'buffer')).toEqual([Buffer.concat([name, Buffer.from('2')])]);
  });

  it('opens files, reads and writes at places, and closes them', async () => {
    await using file = await fs.open(at('handle'), 'w+');
    expect(await file.write('hello world')).toMatchObject({ bytesWritten: 11 });
    await file.write(Buffer.from('__HELLO__'), 2, 5, 0);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(20), 0, 20, 0);
    expect(buffer.toString('utf8', 0, bytesRead)).toBe('HELLO world');
    expect((await file.stat()).size).toBe(11);
    await file.truncate(5);
    expect(await node.readFile(at('handle'), 'utf8')).toBe('HELLO');
    await file.close();
    expect((await failure(file.read())).code).toBe('EBADF');
    await using reader = await fs.open(at('handle'));
    expect(await reader.readFile('utf8')).toBe('HELLO');
    expect((await failure(reader.write('x'))).code).toBe('EBADF');
    await using appender = await fs.open(at('handle'), 'a');
    await appender.write('!');
    await appender.appendFile('?');
    expect(await node.readFile(at('handle'), 'utf8')).toBe('HELLO!?');
    const lines: string[] = [];
    await fs.writeFile(at('lines'), 'one\ntwo\r\nthree');
    for await (const line of (await fs.open(at('lines'))).readLines()) lines.push(line);
    expect(lines).toEqual(['one', 'two', 'three']);
  });

  it('streams, with other calls going on meanwhile', async () => {
    const content = Buffer.alloc(3 * 1024 * 1024, '0123456789');
    await fs.writeFile(at('stream'), content);
    let size = 0;
    for await (const chunk of fs.createReadStream(at('stream'))) {
      size += (chunk as Buffer).length;
      // A download would keep the line to itself, and this would wait for ever.
      await fs.stat(at('stream'));
    }
    expect(size).toBe(content.length);
    expect(await text(fs.createReadStream(at('stream'), { start: 5, end: 12, encoding: 'utf8' }))).toBe('56789012');
    await pipeline(fs.createReadStream(at('stream')), fs.createWriteStream(at('stream2')));
    expect((await node.readFile(at('stream2'))).equals(content)).toBe(true);
    const more = fs.createWriteStream(at('stream2'), { flags: 'a' });
    more.end('end');
    await new Promise((resolve) => more.on('close', resolve));
    expect((await node.stat(at('stream2'))).size).toBe(content.length + 3);
    const written = fs.createWriteStream(at('closed'));
    written.write('all of it');
    await new Promise<unknown>((resolve) => written.close(resolve));
    expect(await node.readFile(at('closed'), 'utf8')).toBe('all of it');
    const unread = fs.createReadStream(at('stream'));
    expect(await new Promise((resolve) => unread.close(resolve))).toBeNull();
    expect(await new Promise((resolve) => unread.close(resolve))).toBeUndefined();
    expect(unread.destroyed).toBe(true);
    const nothing = fs.createReadStream(at('none'));
    await expect(text(nothing)).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' });
    const aborted = new AbortController();
    aborted.abort();
    await expect(fs.readFile(at('stream'), { signal: aborted.signal })).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('takes callbacks, and is taken apart', async () => {
    const { readdir, stat, promises } = fs;
    expect(await promisify(stat as typeof nodeFs.stat)(at('a'))).toMatchObject({ size: 3 });
    const names = await new Promise((resolve) => readdir(at('tree'), (_, value) => resolve(value)));
    expect((names as string[]).sort()).toEqual(['l', 'x']);
    const error = await new Promise((resolve) => stat(at('none'), (reason) => resolve(reason)));
    expect(error).toMatchObject({ code: 'ENOENT' });
    const exists = fs.exists as unknown as (path: string, callback: (answer: boolean) => void) => void;
    const answers = (name: string): Promise<boolean> => new Promise((resolve) => exists(at(name), resolve));
    expect([await answers('a'), await answers('none'), await answers('\0')]).toEqual([true, false, false]);
    expect(await promisify(exists as typeof nodeFs.exists)(at('a'))).toBe(true);
    expect(Object.keys({ ...promises })).toContain('readFile');
    expect(Object.getOwnPropertyDescriptor(fs, 'promises')?.enumerable).toBe(true);
  });
});
