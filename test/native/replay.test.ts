import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { decodeMulti, encode } from '@msgpack/msgpack';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Guestfs, recordSession } from 'guestfs';
import { nativeDaemonMissing, startNativeDaemon } from '../support/native-daemon.js';

const missing = nativeDaemonMissing();
const describeNative = missing === null ? describe : describe.skip;

/** Runs `work` on a fresh daemon, recorded into `file`; the daemon's folder has always the same name. */
async function record(file: string, work: (g: Guestfs) => Promise<void>, options = {}) {
  await using daemon = await startNativeDaemon();
  const g = new Guestfs();
  g.setBackend(`unix:${daemon.socket}`);
  const recording = recordSession(g, file, options);
  await g.launch();
  await work(g);
  await g.close();
  return recording.finished;
}

async function replay(file: string, work: (g: Guestfs) => Promise<void>): Promise<void> {
  await using g = new Guestfs();
  g.setBackend(`replay:${file}`);
  await g.launch();
  await work(g);
}

describeNative('a recorded session', () => {
  let folder: string;
  let file: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'guestfs-replay-'));
    file = join(folder, 'session.gfr');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const data = Buffer.alloc(300_000, 'abc');

  async function program(g: Guestfs): Promise<void> {
    await g.mkdirP(join(folder, 'work'));
    await g.upload(data, join(folder, 'work/a'));
    const parts: Uint8Array[] = [];
    for await (const part of g.download(join(folder, 'work/a'))) parts.push(part);
    expect(Buffer.concat(parts).equals(data)).toBe(true);
    await expect(g.rm(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'ENOENT' });
    const many = await Promise.all(Array.from({ length: 200 }, (_, i) => g.mkdir(join(folder, `work/d${i}`))));
    expect(many).toHaveLength(200);
    expect((await g.lstatnslist(join(folder, 'work'), ['a', 'd1'])).length).toBe(2);
    const broken = (async function* () {
      yield Buffer.from('x');
      throw new Error('source broke');
    })();
    await expect(g.upload(broken, join(folder, 'work/b'))).rejects.toMatchObject({ code: 'ERR_GUESTFS_TRANSFER' });
  }

  test('gives the same answers again, without the daemon', async () => {
    const summary = await record(file, program);
    expect(summary).toMatchObject({ file, secretsLeftOut: [] });
    expect(summary.calls).toBeGreaterThan(205);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).not.toContain('session.gfr.part');
    await rm(join(folder, 'work'), { recursive: true });
    await replay(file, program);
    await expect(stat(join(folder, 'work'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('names the call at which another program parts from it, and the handle is back in CONFIG', async () => {
    await using g = new Guestfs();
    g.setBackend(`replay:${file}`);
    const quits: boolean[] = [];
    g.on('subprocessQuit', ({ expected }) => quits.push(expected));
    await g.launch();
    await g.mkdirP(join(folder, 'work'));
    const parted = g.touch(join(folder, 'other'));
    await expect(parted).rejects.toMatchObject({
      code: 'ERR_GUESTFS_REPLAY',
      message: expect.stringContaining('call 2 is upload in the recording, but touch now'),
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(g.isConfig()).toBe(true);
    expect(quits).toEqual([false]);
  });

  test('other arguments, other content, one call more and one call less are told', async () => {
    const error = async (work: (g: Guestfs) => Promise<unknown>) => {
      await using g = new Guestfs();
      g.setBackend(`replay:${file}`);
      await g.launch();
      return await work(g).then(
        () => 'nothing',
        (failure: Error) => failure.message,
      );
    };
    expect(await error((g) => g.mkdirP('/elsewhere'))).toContain('call 1, mkdirP, has other arguments');
    const upload = (bytes: Buffer) => async (g: Guestfs) => {
      await g.mkdirP(join(folder, 'work'));
      await g.upload(bytes, join(folder, 'work/a'));
    };
    expect(await error(upload(Buffer.alloc(300_000, 'xyz')))).toContain('with other content');
    expect(await error(upload(Buffer.alloc(300_001, 'abc')))).toContain('call 2, upload, has other arguments');
    expect(
      await error(async (g) => {
        await program(g);
        await g.shutdown();
      }),
    ).toBe('nothing');
    expect(
      await error(async (g) => {
        await program(g);
        await g.sync();
      }),
    ).toContain('call 207 is internalAutosync in the recording, but sync now');
    expect(
      await error(async (g) => {
        await g.mkdirP(join(folder, 'work'));
        await g.shutdown();
      }),
    ).toContain('call 2 is upload in the recording, but internalAutosync now');
  });

  test('leaves keys and passwords out, and says which', async () => {
    const secret = 'correct horse battery staple';
    const other = join(folder, 'secrets.gfr');
    const attempt = (key: string) => async (g: Guestfs) => {
      await expect(g.luksOpen(join(folder, 'nowhere'), key, 'mapped')).rejects.toThrow();
    };
    const summary = await record(other, attempt(secret));
    expect(summary.secretsLeftOut).toEqual(['luksOpen.key']);
    expect((await readFile(other)).includes('correct horse')).toBe(false);
    await replay(other, attempt('another one'));
  });

  test('a recording cut off anywhere, damaged, of another version or of something else is refused', async () => {
    const whole = await readFile(file);
    const bad = join(folder, 'bad.gfr');
    const launch = async (bytes: Buffer) => {
      await writeFile(bad, bytes);
      await using g = new Guestfs();
      g.setBackend(`replay:${bad}`);
      return await g.launch().then(
        () => 'launched',
        (error: { code: string; message: string }) => `${error.code} ${error.message}`,
      );
    };
    for (const length of [0, 1, 10, 100, 1000, whole.length >> 1, whole.length - 10, whole.length - 1]) {
      expect(await launch(whole.subarray(0, length))).toMatch(/^ERR_GUESTFS_RECORDING/);
    }
    expect(await launch(Buffer.concat([whole, Buffer.from([0xc0])]))).toMatch(/^ERR_GUESTFS_RECORDING/);
    const version = Buffer.from(whole);
    version[version.indexOf('version') + 'version'.length] = 9;
    expect(await launch(version)).toContain('is of version 9');
    expect(await launch(Buffer.from('not a recording'))).toMatch(/^ERR_GUESTFS_RECORDING/);
    await using g = new Guestfs();
    g.setBackend(`replay:${folder}/none.gfr`);
    await expect(g.launch()).rejects.toMatchObject({ code: 'ERR_GUESTFS_RECORDING' });
  });

  test('other drives than those recorded are told at once', async () => {
    await using g = new Guestfs();
    g.addDriveScratch(1024 * 1024);
    g.setBackend(`replay:${file}`);
    await expect(g.launch()).rejects.toMatchObject({
      code: 'ERR_GUESTFS_REPLAY',
      message: expect.stringContaining('0 then, 1 now'),
    });
  });

  test('content of uploads can be left unchecked', async () => {
    const other = join(folder, 'unchecked.gfr');
    const write = (fill: string) => async (g: Guestfs) => g.upload(Buffer.alloc(100, fill), join(folder, 'c'));
    await record(other, write('a'), { compareUploads: false });
    await replay(other, write('b'));
  });

  test('a recording that cannot be written fails by itself, not the session', async () => {
    await using daemon = await startNativeDaemon();
    await using g = new Guestfs();
    g.setBackend(`unix:${daemon.socket}`);
    const warnings: string[] = [];
    g.on('warning', ({ text }) => warnings.push(text));
    const recording = recordSession(g, join(folder, 'no/such/folder/x.gfr'));
    await g.launch();
    await g.pingDaemon();
    await g.shutdown();
    await expect(recording.finished).rejects.toMatchObject({ code: 'ERR_GUESTFS_RECORDING' });
    expect(warnings.join()).toContain('could not be written');
  });

  test('a daemon that died in a call dies there again', async () => {
    const other = join(folder, 'died.gfr');
    const dying = async (g: Guestfs, kill: () => void): Promise<void> => {
      await g.pingDaemon();
      const source = (async function* () {
        yield Buffer.from('x');
        kill();
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        yield Buffer.from('y');
      })();
      await expect(g.upload(source, join(folder, 'd'))).rejects.toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    };
    await using daemon = await startNativeDaemon();
    await using g = new Guestfs();
    g.setBackend(`unix:${daemon.socket}`);
    const recording = recordSession(g, other);
    await g.launch();
    await dying(g, () => daemon.kill());
    expect(await recording.finished).toMatchObject({ calls: 2 });
    await replay(other, (h) => dying(h, () => undefined));
  }, 30_000);

  test('an answer that is missing, or a file without an end, is told and not waited for', async () => {
    const other = join(folder, 'unanswered.gfr');
    const reading = async (g: Guestfs): Promise<void> => {
      await g.pingDaemon();
      for await (const part of g.download('/proc/self/stat')) expect(part.length).toBeGreaterThan(0);
    };
    await record(other, reading);
    const records = [...decodeMulti(await readFile(other))] as { kind: string; calls?: number }[];
    // The last call is the sync of closing.
    const calls = records.slice(0, records.map(({ kind }) => kind).lastIndexOf('call'));
    const answers = calls.flatMap(({ kind }, i) => (kind === 'answer' ? [i] : []));
    expect(answers.length).toBeGreaterThan(3);
    for (const at of [answers[0]!, answers.at(-1)!]) {
      const kept = records.filter((_, i) => i !== at);
      await writeFile(other, Buffer.concat(kept.map((record) => encode(record))));
      await expect(replay(other, reading)).rejects.toMatchObject({ code: 'ERR_GUESTFS_REPLAY' });
    }
  });

  test('never writes through a file that lies where the recording is made', async () => {
    const target = join(folder, 'target');
    await writeFile(target, 'untouched');
    const name = join(folder, 'linked.gfr');
    await symlink(target, `${name}.part`);
    await symlink(target, name);
    await record(name, async (g) => void (await g.pingDaemon()));
    expect(await readFile(target, 'utf8')).toBe('untouched');
    expect((await lstat(name)).mode & 0o170777).toBe(0o100600);
  });

  test('a handle that is closed without a launch tells so', async () => {
    const g = new Guestfs();
    const recording = recordSession(g, join(folder, 'never.gfr'));
    await g.close();
    await expect(recording.finished).rejects.toMatchObject({ code: 'ERR_GUESTFS_CLOSED' });
    expect(() => recordSession(g, 'x')).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_CLOSED' }));
  });
});
