import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readRecording } from '@guestfs/attach/internal';
import { readEvents } from 'guestfs';
import { EndingPrograms } from '../support/ending-program.js';
import { nativeDaemonMissing, startNativeDaemon, type NativeDaemon } from '../support/native-daemon.js';

jest.setTimeout(300_000);

const missing = nativeDaemonMissing();
const describeNative = missing === null ? describe : describe.skip;

let programs: EndingPrograms;
beforeAll(async () => {
  programs = await EndingPrograms.make();
});
afterAll(() => programs[Symbol.asyncDispose]());

describe('a program with a handle that was not launched', () => {
  afterEach(async () => expect(await programs.left()).toEqual([]));

  test.each([
    ['merely ends', ``, 0],
    ['calls process.exit', `process.exit(3);`, 3],
    ['throws', `throw new Error('of the program');`, 1],
  ])('that %s: its scratch disks go, and the close event comes', async (_, then, code) => {
    const body = `
      const g = told(new Guestfs());
      g.addDriveScratch(1024 * 1024);
      ${then}`;
    expect(await programs.run(body)).toMatchObject({ code, said: ['close event'] });
  });
});

describeNative('a program that is attached to a daemon', () => {
  let daemon: NativeDaemon;
  let recording: string;
  let events: string;
  beforeAll(async () => {
    recording = join(programs.folder, 'recording');
    events = join(programs.folder, 'events');
  });
  afterEach(async () => {
    // It ends with its connection.
    await daemon.exited;
    await daemon[Symbol.asyncDispose]();
    expect(await programs.left()).toEqual([]);
  });

  /** Runs a program whose handle is attached, with everything recorded. */
  async function run(then: string, how: Parameters<EndingPrograms['run']>[1] = {}) {
    daemon = await startNativeDaemon();
    const body = `
      let g = told(new Guestfs({ environment: {}, backend: ${JSON.stringify(`unix:${daemon.socket}`)} }));
      recordSession(g, ${JSON.stringify(recording)});
      recordEvents(g, ${JSON.stringify(events)}, { mask: GUESTFS_EVENT.CLOSE | GUESTFS_EVENT.LAUNCH_DONE, append: false });
      await g.launch();
      const folder = ${JSON.stringify(daemon.folder)};
      ${then}`;
    return programs.run(body, how);
  }

  /** The last call of the session, from its recording. */
  async function lastCall(): Promise<string | undefined> {
    return readRecording(await readFile(recording), recording).calls.at(-1)?.name;
  }

  /** The events of the session, from a recording that is whole. */
  async function recordedEvents(): Promise<string[]> {
    const found: string[] = [];
    const recorded = readEvents(events);
    for await (const { type } of recorded) found.push(type);
    expect(recorded.complete).toBe(true);
    return found;
  }

  const file = (name: string): Promise<Buffer> => readFile(join(daemon.folder, name));
  const closed = { said: ['close event'] };

  test.each([
    ['merely ends', ``, 0],
    ['merely ends with an exit code', `process.exitCode = 5;`, 5],
    ['calls process.exit', `process.exit(3);`, 3],
    ['calls process.exit right after the launch', `process.exit(0);`, 0],
    ['throws', `throw new Error('of the program');`, 1],
    ['leaves a rejection', `void Promise.reject(new Error('of the program'));`, 1],
  ])('and %s: it syncs, the close event comes, and it ends', async (_, then, code) => {
    expect(await run(then)).toMatchObject({ code, ...closed });
    expect(await lastCall()).toBe('internalAutosync');
    expect(await recordedEvents()).toEqual(['launchDone', 'close']);
  });

  test('and does without autosync: it makes no call', async () => {
    expect(await run(`g.setAutosync(false); await g.pingDaemon(); process.exit(0);`)).toMatchObject(closed);
    expect(await lastCall()).toBe('pingDaemon');
  });

  test('and merely ends with open calls: they are made first', async () => {
    const then = `for (let i = 0; i < 2000; i++) void g.write(folder + '/f', String(i));`;
    expect(await run(then)).toMatchObject({ code: 0, ...closed });
    expect((await file('f')).toString()).toBe('1999');
  });

  test('and merely ends with a call that was cancelled and runs on in the daemon: it is not waited for', async () => {
    const then = `const call = g.command(['sh', '-c', 'sleep 20; touch ' + folder + '/done']);
      setTimeout(() => call.cancel(), 500);
      await call.catch(() => undefined);`;
    expect(await run(then)).toMatchObject({ code: 0, ...closed });
    await expect(file('done')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('and exits with a call of which only a part is sent: the rest goes, and it is made', async () => {
    const then = `void g.write(folder + '/f', Buffer.alloc(1_500_000, 'x')); process.exit(2);`;
    expect(await run(then)).toMatchObject({ code: 2, ...closed, stderr: '' });
    expect((await file('f')).equals(Buffer.alloc(1_500_000, 'x'))).toBe(true);
    expect(await lastCall()).toBe('internalAutosync');
  });

  const unfinished = (what: string): unknown =>
    expect.stringMatching(`^warning: the process exits before these calls are done: ${what}\\s*$`);

  test.each<[string, string, unknown[]]>([
    [
      'in an upload',
      `const endless = async function* () { for (;;) yield Buffer.alloc(1024 * 1024, 1); };
       g.upload(endless(), folder + '/upload', { onProgress: () => process.exit(3) });`,
      [unfinished('upload')],
    ],
    [
      'with more calls than the daemon is sent at once',
      `for (let i = 0; i < 600; i++) void g.write(folder + '/f', String(i)); process.exit(3);`,
      [unfinished('write, write, write, write, write, and \\d+ more')],
    ],
    ['in a download', `for await (const _ of g.download('/dev/zero')) process.exit(3);`, []],
    [
      'in a download that its reader has stopped',
      `const reading = g.download('/dev/zero').readable();
       reading.once('readable', () => setTimeout(() => process.exit(3), 300));`,
      [],
    ],
  ])('and exits %s: that is given up, which a warning tells, and it syncs', async (_, then, warnings) => {
    expect(await run(then)).toMatchObject({ code: 3, said: [...warnings, 'close event'], stderr: '' });
    expect(await lastCall()).toBe('internalAutosync');
  });

  test('and exits while the daemon is busy: a warning tells that nothing was synced', async () => {
    const ended = await run(`void g.sleep(8); setTimeout(() => process.exit(3), 200);`);
    expect(ended).toMatchObject({
      code: 3,
      said: [expect.stringMatching(/^warning: .*could not be written out: .*did not answer in time/), 'close event'],
    });
  });

  test.each([
    ['an upload', `void g.upload((async function* () { await new Promise(() => undefined); })(), folder + '/upload');`],
    ['a read of a download', `for await (const _ of g.download('/dev/zero')) await new Promise(() => undefined);`],
  ])('and has nothing left to do in %s that goes on never: it ends', async (_, then) => {
    expect(await run(then)).toMatchObject({ said: ['close event'] });
    expect(await lastCall()).toBe('internalAutosync');
  });

  test.each([
    ['merely ends', ``, ['close event', 'worker 0']],
    ['calls process.exit', `process.exit(4);`, ['close event', 'worker 4']],
    ['throws', `throw new Error('of the program');`, ['close event', 'error: of the program', 'worker 1']],
  ])('in a worker that %s: it syncs, and the close event comes', async (_, then, said) => {
    expect(await run(then, { inWorker: true })).toMatchObject({ code: 0, said });
    expect(await lastCall()).toBe('internalAutosync');
  });

  test('in a worker that is terminated: nothing is left', async () => {
    const then = `parentPort.postMessage('ready'); setInterval(() => undefined, 1000);`;
    expect(await run(then, { inWorker: true })).toMatchObject({ code: 0, said: ['worker 1'] });
  });

  test('and loses its handle: a warning tells, and it is closed', async () => {
    const then = `
      let closed = false;
      g.on('close', () => (closed = true));
      g = null;
      while (!closed) { gc(); await new Promise((resolve) => setTimeout(resolve, 20)); }`;
    expect(await run(then, { flags: ['--expose-gc'] })).toMatchObject({
      code: 0,
      said: [expect.stringMatching(/^warning: a handle was lost without close/), 'close event'],
    });
    expect(await lastCall()).toBe('internalAutosync');
  });
});

describeNative('a program that replays a session', () => {
  test.each([
    ['merely ends', ``, 0],
    ['calls process.exit', `process.exit(3);`, 3],
  ])('and %s: it ends, and the close event comes', async (_, then, code) => {
    const daemon = await startNativeDaemon();
    const recording = JSON.stringify(join(programs.folder, 'to replay'));
    const body = (backend: string, more: string): string => `
      const g = told(new Guestfs({ environment: {}, backend: ${JSON.stringify(backend)} }));
      ${more}
      await g.launch();
      await g.pingDaemon();
      ${then}`;
    const first = await programs.run(body(`unix:${daemon.socket}`, `recordSession(g, ${recording});`));
    await daemon[Symbol.asyncDispose]();
    expect(first).toMatchObject({ code, said: ['close event'] });
    const second = await programs.run(body(`replay:${JSON.parse(recording) as string}`, ''));
    expect(second).toMatchObject({ code, said: ['close event'], stderr: '' });
  });
});
