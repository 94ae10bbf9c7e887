import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { recordSession, Guestfs, type Operation } from 'guestfs';
import { makeJournal } from '../../support/journal-file.js';
import { nativeDaemonMissing, startNativeDaemon } from '../../support/native-daemon.js';
import { openNative, type NativeGuestfs } from '../../support/native-guestfs.js';
import { seeded } from '../../support/seeded.js';

const whenPossible = nativeDaemonMissing() === null ? describe : describe.skip;

/** The daemon takes any name that begins so for a disk, a file too. */
const DISK = `/dev/sdguestfs${process.pid}`;
const RULES = Array.from({ length: 300 }, (_, i) => `rule r${i} { condition: true }`).join('\n');

/** Makes a filesystem with folders in folders: a walk leaves one of them at a time. */
async function makeTree(folder: string): Promise<void> {
  for (let i = 0; i < 12; i++) {
    const deep = join(folder, `a${i}`, 'b', 'c');
    await mkdir(deep, { recursive: true });
    for (let k = 0; k < 40; k++) await writeFile(join(deep, `file${k}`), '');
  }
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-N', '2048', '-d', folder, DISK, '16M']);
}

whenPossible('what the daemon does at the end of a file', () => {
  let native: NativeGuestfs;
  let g: Guestfs;
  const at = (name: string): string => join(native.folder, name);

  beforeAll(async () => {
    native = await openNative();
    g = native.g;
    await makeTree(at('tree'));
    await writeFile(at('scanned'), 'abc');
    await g.yaraLoad(Buffer.from(RULES));
  }, 60_000);
  afterAll(async () => {
    execFileSync('rm', ['-rf', at('deep')]);
    await native[Symbol.asyncDispose]();
    await rm(DISK, { force: true });
  });

  const inode = async (): Promise<bigint> => {
    const found = (await g.filesystemWalk(DISK)).find(({ tskName }) => tskName === 'a7/b/c/file30');
    return found!.tskInode;
  };

  it.each<[string, () => Promise<() => Operation<readonly unknown[]>>]>([
    ['readdir', async () => () => g.readdir(at('tree/a1/b/c'))],
    ['yaraScan', async () => () => g.yaraScan(at('scanned'))],
    ['filesystemWalk', async () => () => g.filesystemWalk(DISK)],
    ['findInode', async () => inode().then((number) => () => g.findInode(DISK, number))],
  ])(
    'leaves the next call an answer, whenever %s is cancelled',
    async (_, prepare) => {
      const start = await prepare();
      const whole = await start();
      expect(whole.length).toBeGreaterThan(0);
      const began = performance.now();
      await start();
      const takes = performance.now() - began;
      const random = seeded(49);
      let cancelled = 0;
      for (let i = 0; i < 100; i++) {
        const operation = start();
        const outcome = operation.then(
          (list) => expect(list).toEqual(whole),
          (error: unknown) => {
            cancelled++;
            expect(error).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
          },
        );
        const moment = random();
        // Also before anything has come, and in one turn with the call after it.
        if (moment > 0.1) await delay(moment * takes);
        operation.cancel();
        expect(await g.cat('/proc/sys/kernel/ostype')).toBe('Linux\n');
        await outcome;
      }
      expect(cancelled).toBeGreaterThan(10);
      expect(await start()).toEqual(whole);
    },
    120_000,
  );

  it('is nothing at all after a field of a journal that it cannot send', async () => {
    await mkdir(at('journal'));
    const fields = [
      ['A', 'a'],
      ['MESSAGE', 'b'.repeat(9000)],
      ['C', 'c'],
    ] as const;
    await writeFile(at('journal/system.journal'), makeJournal([{ realtime: 1n, fields }]));
    await g.journalOpen(at('journal'));
    expect(await g.journalNext()).toBe(true);
    await expect(Promise.resolve(g.journalGet())).rejects.toMatchObject({
      code: 'EMSGSIZE',
      operation: 'journalGet',
      message: expect.stringContaining('9008 bytes'),
    });
    const given = g.journalGet();
    setImmediate(() => given.cancel());
    expect(await g.getUmask()).toBeGreaterThanOrEqual(0);
    await expect(Promise.resolve(given)).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
    await g.journalClose();
  });

  it('is an error in the middle where a path is longer than it can send', async () => {
    // The kernel takes no path as long: one goes down step by step.
    const script =
      'import os,sys\nos.chdir(sys.argv[1])\nfor i in range(45):\n d=chr(97+i%26)*200\n os.mkdir(d)\n os.chdir(d)\n';
    await mkdir(at('deep'));
    execFileSync('python3', ['-c', script, at('deep')]);
    await expect(Promise.resolve(g.find(at('deep')))).rejects.toMatchObject({
      code: 'ERR_GUESTFS_DAEMON',
      message: expect.stringContaining('input string too long'),
    });
    expect(await g.find(at('tree/a1'))).toHaveLength(42);
  });

  it('is no answer to rules of YARA that it cannot read', async () => {
    const rules = Buffer.concat([Buffer.from('YARA'), Buffer.alloc(5000, 1)]);
    await expect(Promise.resolve(g.yaraLoad(rules))).rejects.toMatchObject({
      code: 'ERR_GUESTFS_DAEMON',
      hint: expect.stringContaining('another version of YARA'),
    });
    await expect(Promise.resolve(g.yaraLoad(Buffer.from('rule x {')))).rejects.toMatchObject({
      message: expect.stringContaining('1 errors'),
    });
    await g.yaraLoad(Buffer.from(RULES));
    expect(await g.yaraScan(at('scanned'))).toHaveLength(300);
  });

  it.each<[string, () => Operation<unknown>, object]>([
    [
      'an offset below zero',
      () => g.uploadOffset(Buffer.alloc(100_000), at('x'), -1),
      { code: 'ERR_GUESTFS_ARGUMENT' },
    ],
    [
      'a compression that it does not know',
      () => g.tarIn(Buffer.alloc(100_000), native.folder, { compress: 'rot13' }),
      { code: 'ERR_GUESTFS_DAEMON', message: expect.stringContaining('unknown compression type: rot13') },
    ],
    ['a device that is not there', () => g.upload(Buffer.alloc(1_000_000), '/dev/sdnone'), { code: 'ENOENT' }],
    ['a path that is not absolute', () => g.upload(Buffer.alloc(1_000_000), 'x'), { code: 'ERR_GUESTFS_DAEMON' }],
  ])('does not come before the file has ended, for %s', async (_, start, refusal) => {
    const refused = start();
    const next = g.getUmask();
    await expect(Promise.resolve(refused)).rejects.toMatchObject(refusal);
    expect(await next).toBeGreaterThanOrEqual(0);
  });

  it('is recorded so that it can be replayed', async () => {
    const file = at('session.gfr');
    const program = async (h: Guestfs): Promise<void> => {
      await expect(
        Promise.resolve(h.yaraLoad(Buffer.concat([Buffer.from('YARA'), Buffer.alloc(5000, 1)]))),
      ).rejects.toMatchObject({ message: expect.stringContaining('no answer') });
      await h.yaraLoad(Buffer.from(RULES));
      expect(await h.yaraScan(at('scanned'))).toHaveLength(300);
      await expect(Promise.resolve(h.find(at('deep')))).rejects.toMatchObject({
        message: expect.stringContaining('input string too long'),
      });
      await h.journalOpen(at('journal'));
      await h.journalNext();
      await expect(Promise.resolve(h.journalGet())).rejects.toMatchObject({ code: 'EMSGSIZE' });
      expect(await h.cat('/proc/sys/kernel/ostype')).toBe('Linux\n');
    };
    {
      await using daemon = await startNativeDaemon();
      const h = new Guestfs({ environment: {}, backend: `unix:${daemon.socket}` });
      const recording = recordSession(h, file);
      await h.launch();
      await program(h);
      await h.close();
      await recording.finished;
    }
    await using h = new Guestfs({ environment: {}, backend: `replay:${file}` });
    await h.launch();
    await program(h);
  });
});
