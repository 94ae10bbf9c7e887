import { execFileSync } from 'node:child_process';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  readdir,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Guestfs, GuestfsEvent } from 'guestfs';
import { nativeDaemonMissing } from '../../support/native-daemon.js';
import { openNative, type NativeGuestfs } from '../../support/native-guestfs.js';

const whenPossible = nativeDaemonMissing() === null ? describe : describe.skip;

whenPossible('copyIn and copyOut', () => {
  let native: NativeGuestfs;
  let g: Guestfs;
  let host: string;
  let guest: string;

  beforeAll(async () => {
    native = await openNative();
    ({ g } = native);
    host = join(native.folder, 'host');
    guest = join(native.folder, 'guest');
    await mkdir(host);
    await mkdir(guest);
    const tree = join(host, 'tree');
    await mkdir(join(tree, 'sub'), { recursive: true });
    await writeFile(join(tree, 'file'), 'content', { mode: 0o640 });
    await link(join(tree, 'file'), join(tree, 'sub', 'second'));
    await symlink('../file', join(tree, 'sub', 'link'));
    await writeFile(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from('\xe9', 'latin1')]), 'eight bits');
    await writeFile(join(tree, 'sparse'), 'start');
    await truncate(join(tree, 'sparse'), 64 * 1024 * 1024);
    execFileSync('chown', ['12:34', join(tree, 'file')]);
  });
  afterAll(async () => native[Symbol.asyncDispose]());

  /** Name, type, mode, owner, size, time and links of everything in a folder, as find prints it. */
  const describeTree = (folder: string, time: string): string =>
    execFileSync('find', ['.', '-printf', `%P %y %m %U:%G %l %n ${time}\\n`], { cwd: folder, encoding: 'latin1' })
      .split('\n')
      .sort()
      .join('\n');

  it('copies a tree in with all that belongs to it', async () => {
    await g.copyIn(join(host, 'tree'), guest);
    expect(describeTree(join(guest, 'tree'), '%T@ %s')).toBe(describeTree(join(host, 'tree'), '%T@ %s'));
    expect((await lstat(join(guest, 'tree', 'sparse'))).blocks).toBeLessThan(100);
  });

  it('copies a tree out with all that belongs to it', async () => {
    const out = join(native.folder, 'out');
    await mkdir(out);
    await g.copyOut(join(guest, 'tree'), out);
    expect(describeTree(join(out, 'tree'), '%Ts %m')).toBe(describeTree(join(host, 'tree'), '%Ts %m'));
    expect(await readlink(join(out, 'tree', 'sub', 'link'))).toBe('../file');
    const sparse = await lstat(join(out, 'tree', 'sparse'));
    expect([sparse.size, sparse.blocks < 100]).toEqual([64 * 1024 * 1024, true]);
  });

  it('keeps what is zero, and what is before the epoch or far after it, on both ways', async () => {
    const odd = join(host, 'odd');
    await mkdir(odd);
    const make = async (name: string, mode: number, time: string, owner = '0:0'): Promise<void> => {
      const path = join(odd, name);
      if (name.startsWith('directory')) await mkdir(path);
      else await writeFile(path, name.includes('empty') ? '' : name);
      execFileSync('chown', [owner, path]);
      await chmod(path, mode);
      execFileSync('touch', ['-d', time, path]);
    };
    await make('mode-zero', 0, '@1');
    await make('mode-set-id-only', 0o6000, '@1');
    await make('mode-all', 0o7777, '@1');
    await make('time-zero-empty', 0o600, '@0');
    await make('time-before', 0o600, '@-2');
    await make('time-long-before', 0o600, '@-1000000000.75');
    await make('time-fraction', 0o600, '@1.25');
    await make('time-after-2038', 0o600, '@4102444800');
    await make('owner-large', 0o600, '@1', '2097152:4294967294');
    await make('directory-mode-zero', 0, '@0');
    await make('directory-sticky', 0o1777, '@-5', '1:0');
    await g.copyIn(odd, guest);
    expect(describeTree(join(guest, 'odd'), '%T@ %s')).toBe(describeTree(odd, '%T@ %s'));
    const out = await mkdtemp(join(native.folder, 'odd-'));
    await g.copyOut(join(guest, 'odd'), out);
    // The daemon's tar has whole seconds, rounded down.
    expect(describeTree(join(out, 'odd'), '%Ts %s')).toBe(describeTree(odd, '%Ts %s'));
    await g.copyOut(join(guest, 'odd', 'time-before'), out);
    await g.copyOut(join(guest, 'odd', 'mode-zero'), out);
    expect(describeTree(out, '%Ts')).toContain('time-before f 600 0:0  1 -2');
    expect(describeTree(out, '%Ts')).toContain('mode-zero f 0 0:0  1 1');
  });

  it('copies single files, with their modes and times', async () => {
    await g.copyIn(join(host, 'tree', 'file'), guest);
    expect(await readFile(join(guest, 'file'), 'utf8')).toBe('content');
    const out = await mkdtemp(join(native.folder, 'single-'));
    await g.copyOut(join(guest, 'file'), out);
    const [ours, theirs] = [await lstat(join(out, 'file')), await lstat(join(guest, 'file'))];
    expect([ours.mode, ours.uid, ours.gid]).toEqual([theirs.mode, theirs.uid, theirs.gid]);
    expect(ours.mtimeMs).toBeCloseTo(theirs.mtimeMs, 2);
  });

  it('takes only the content of what has no name of its own', async () => {
    const inside = await mkdtemp(join(native.folder, 'inside-'));
    await g.copyIn(`${join(host, 'tree', 'sub')}/.`, inside);
    expect((await readdir(inside)).sort()).toEqual(['link', 'second']);
  });

  it('reports progress that it counts itself', async () => {
    const big = join(host, 'big');
    await writeFile(big, Buffer.alloc(64 * 1024 * 1024, 'x'));
    const events: GuestfsEvent[] = [];
    g.on('progress', (event) => events.push(event));
    const fractions: (number | null)[] = [];
    for await (const { fraction } of g.copyIn(big, guest).progress()) fractions.push(fraction);
    expect(fractions.length).toBeGreaterThan(0);
    expect(fractions.at(-1)).toBe(1);
    expect(fractions.every((fraction) => fraction !== null)).toBe(true);
    expect(events.every((event) => event.type === 'progress' && event.operation === 'copyIn')).toBe(true);
    const out = await mkdtemp(join(native.folder, 'progress-'));
    await mkdir(join(guest, 'folder'));
    await g.mv(join(guest, 'big'), join(guest, 'folder', 'big'));
    const last: (number | null)[] = [];
    for await (const { fraction } of g.copyOut(join(guest, 'folder'), out).progress()) last.push(fraction);
    expect(last.at(-1)).toBe(1);
    await rm(big);
  });

  it.each([
    ['copyIn of nothing', (): Promise<void> => g.copyIn(join(host, 'none'), guest), 'ENOENT'],
    ['copyIn into nothing', () => g.copyIn(join(host, 'tree'), join(guest, 'none')), 'ENOENT'],
    ['copyIn into a file', () => g.copyIn(join(host, 'tree'), join(guest, 'file')), 'ENOTDIR'],
    ['copyOut of nothing', () => g.copyOut(join(guest, 'none'), host), 'ENOENT'],
    ['copyOut into nothing', () => g.copyOut(join(guest, 'tree'), join(host, 'none')), 'ENOENT'],
    ['copyOut into a file', () => g.copyOut(join(guest, 'tree'), join(host, 'tree', 'file')), 'ENOTDIR'],
    ['copyOut of a link', () => g.copyOut(join(guest, 'tree', 'sub', 'link'), host), 'ERR_GUESTFS_ARGUMENT'],
  ])('%s is refused, and the handle still works', async (_, run, code) => {
    await expect(run()).rejects.toMatchObject({ name: 'GuestfsError', code });
    expect(await g.cat(join(guest, 'file'))).toBe('content');
  });

  it('survives a full disk of this host without losing what was there', async () => {
    const small = await mkdtemp(join(native.folder, 'small-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', small]);
    try {
      await mkdir(join(guest, 'much'));
      await writeFile(join(guest, 'much', 'data'), Buffer.alloc(4 * 1024 * 1024, 'x'));
      await mkdir(join(small, 'much'));
      await writeFile(join(small, 'much', 'data'), 'old');
      await expect(g.copyOut(join(guest, 'much'), small)).rejects.toMatchObject({
        name: 'GuestfsError',
        code: 'ENOSPC',
      });
      expect(await readFile(join(small, 'much', 'data'), 'utf8')).toBe('old');
      expect(await readdir(join(small, 'much'))).toEqual(['data']);
      await expect(g.copyOut(join(guest, 'much', 'data'), small)).rejects.toMatchObject({ code: 'ENOSPC' });
      await expect(g.copyIn(join(guest, 'much'), small)).rejects.toMatchObject({ name: 'GuestfsError' });
    } finally {
      execFileSync('umount', [small]);
    }
    expect(await g.cat(join(guest, 'file'))).toBe('content');
  });

  it('can be cancelled on both ways, and the handle still works', async () => {
    await writeFile(join(host, 'large'), Buffer.alloc(48 * 1024 * 1024, 'x'));
    for (const start of [
      (signal: AbortSignal) => g.copyIn(join(host, 'large'), guest, { signal }),
      (signal: AbortSignal) => g.copyOut(join(guest, 'much'), host, { signal }),
    ]) {
      const controller = new AbortController();
      const running = start(controller.signal);
      setTimeout(() => controller.abort(new Error('enough')), 5);
      await expect(running).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
      expect(await g.cat(join(guest, 'file'))).toBe('content');
    }
    const open = execFileSync('sh', ['-c', `readlink /proc/${process.pid}/fd/* || true`], { encoding: 'utf8' });
    expect(open).not.toContain(`${host}/`);
  });
});
