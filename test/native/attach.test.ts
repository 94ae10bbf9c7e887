import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmod, chown, link, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { GuestfsError, Guestfs, recordSession } from 'guestfs';
import { nativeDaemonMissing, startNativeDaemon } from '../support/native-daemon.js';

const describeNative = nativeDaemonMissing() === null ? describe : describe.skip;
const asRoot = process.geteuid?.() === 0 ? test : test.skip;
const FLAG = Buffer.from('f5f55ff5', 'hex');
/** The user that has no rights on anything. */
const NOBODY = 65_534;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gfs-attach-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Something that listens where a daemon should, and what it did to whoever came. */
class Peer implements AsyncDisposable {
  readonly path: string;
  readonly sockets: Socket[] = [];
  readonly #server: Server;

  private constructor(name: string, act: (socket: Socket) => void) {
    this.path = join(folder, name);
    this.#server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined);
      act(socket);
    });
  }

  static async listen(name: string, act: (socket: Socket) => void): Promise<Peer> {
    const peer = new Peer(name, act);
    await new Promise<void>((resolve) => peer.#server.listen(peer.path, resolve));
    return peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Launches a handle on a socket; with it the error, the time that it took in milliseconds, and the events that came. */
async function refusal(path: string, settings: string[] = ['attach_timeout=1']) {
  const g = new Guestfs({ environment: {} });
  const events: string[] = [];
  for (const name of ['launchDone', 'subprocessQuit'] as const) g.on(name, () => events.push(name));
  g.setBackend(`unix:${path}`);
  g.setBackendSettings(settings);
  const start = performance.now();
  const error = await g.launch().then(
    () => new Error('it launched'),
    (failure: unknown) => failure as Error,
  );
  return { g, error, time: performance.now() - start, events };
}

async function expectRefusal(path: string, expected: Record<string, unknown>): Promise<void> {
  const { g, error, time, events } = await refusal(path);
  expect(GuestfsError.is(error)).toBe(true);
  expect(error).toMatchObject(expected);
  expect(time).toBeLessThan(4_000);
  expect([g.isConfig(), events]).toEqual([true, []]);
  // The handle is as good as new.
  await using peer = await Peer.listen('good.sock', (socket) => void socket.write(FLAG));
  g.setAutosync(false);
  g.setBackend(`unix:${peer.path}`);
  await g.launch();
  expect(g.isConfig()).toBe(false);
  await g.close();
}

describe('a handle that is to be attached to', () => {
  test('a file', async () => {
    const path = join(folder, 'file');
    await writeFile(path, '');
    await expectRefusal(path, { code: 'ERR_GUESTFS_ATTACH', message: expect.stringContaining('is a file') });
  });

  test('a folder', () =>
    expectRefusal(folder, { code: 'ERR_GUESTFS_ATTACH', message: expect.stringContaining('is a directory') }));

  test('a path that is too long', () =>
    expectRefusal(join(folder, 'x'.repeat(120)), {
      code: 'ERR_GUESTFS_ARGUMENT',
      message: expect.stringContaining('107 are possible'),
    }));

  test('a socket on which nobody listens', async () => {
    const path = join(folder, 'dead.sock');
    const peer = await Peer.listen('living.sock', () => undefined);
    await link(peer.path, path);
    await peer[Symbol.asyncDispose]();
    await expectRefusal(path, { code: 'ERR_GUESTFS_ATTACH', cause: expect.objectContaining({ code: 'ECONNREFUSED' }) });
  });

  asRoot('another user’s socket', async () => {
    await using peer = await Peer.listen('other.sock', (socket) => void socket.write(FLAG));
    await chown(peer.path, 12_345, 12_345);
    await chmod(peer.path, 0o755);
    await expectRefusal(peer.path, { code: 'ERR_GUESTFS_UNSAFE_PATH', message: expect.stringContaining('12345') });
    expect(peer.sockets).toEqual([]);
    const { g, error } = await refusal(peer.path, ['allow_other_owner']);
    expect([error.message, g.isConfig()]).toEqual(['it launched', false]);
    g.setAutosync(false);
    await g.close();
  });

  asRoot('a socket that this user has no right to', async () => {
    await using peer = await Peer.listen('locked.sock', () => undefined);
    await chmod(peer.path, 0o700);
    await chmod(folder, 0o755);
    process.seteuid!(NOBODY);
    try {
      const { error } = await refusal(peer.path);
      expect(error).toMatchObject({ code: 'ERR_GUESTFS_ATTACH', hint: expect.stringContaining('may write to') });
      expect(error.cause).toMatchObject({ code: 'EACCES' });
    } finally {
      process.seteuid!(0);
    }
  });

  test.each<[string, (socket: Socket) => void]>([
    ['sends nothing', () => undefined],
    ['sends half a flag', (socket) => void socket.write(FLAG.subarray(0, 2))],
    ['sends garbage', (socket) => void socket.write('220 mail.example.org ESMTP\r\n')],
    ['hangs up', (socket) => void socket.end()],
    [
      'sends a message without end',
      (socket) => {
        const more = (): void => {
          for (let i = 0; i < 64 && !socket.destroyed && socket.write(Buffer.alloc(65_536, 7)); i++);
        };
        socket.on('drain', more);
        more();
      },
    ],
  ])('a peer that %s', async (what, act) => {
    await using peer = await Peer.listen(`${what.replaceAll(' ', '-')}.sock`, act);
    await expectRefusal(peer.path, { code: 'ERR_GUESTFS_ATTACH', hint: expect.any(String) });
    const [socket] = peer.sockets;
    if (!socket!.destroyed) await new Promise((resolve) => socket!.once('close', resolve).resume());
  });

  test('a peer whose first message has no end, after the flag: the call that waits for it fails', async () => {
    await using peer = await Peer.listen('large.sock', (socket) => {
      socket.write(FLAG);
      socket.once('data', () => socket.write(Buffer.from('00400001', 'hex')));
    });
    await using g = new Guestfs({ environment: {}, autosync: false, backend: `unix:${peer.path}` });
    await g.launch();
    const quit = new Promise<{ expected: boolean }>((resolve) => g.once('subprocessQuit', resolve));
    await expect(g.pingDaemon()).rejects.toMatchObject({
      code: 'ERR_GUESTFS_CONNECTION_LOST',
      cause: expect.objectContaining({ code: 'ERR_GUESTFS_PROTOCOL' }),
    });
    expect([(await quit).expected, g.isConfig()]).toEqual([false, true]);
  });

  test('nothing of all that is left', async () => {
    const left = (await readdir(folder)).filter((name) => name !== 'file' && name !== 'dead.sock');
    expect(left).toEqual([]);
  });
});

describeNative('a daemon that serves one client', () => {
  test('keeps another one waiting, who is told so within its deadline; the first goes on', async () => {
    await using daemon = await startNativeDaemon();
    await using first = new Guestfs({ environment: {}, backend: `unix:${daemon.socket}` });
    await first.launch();
    const { g, error, time } = await refusal(daemon.socket);
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_ATTACH', hint: expect.stringContaining('one client at a time') });
    expect([time > 900, time < 4_000, g.isConfig()]).toEqual([true, true, true]);
    await first.pingDaemon();
    await g.close();
  });

  test.each([
    [true, 'shutdown'],
    [true, 'close'],
    [false, 'close'],
  ] as const)('with autosync %s, %s writes out as it says, and ends the daemon in order', async (autosync, how) => {
    await using daemon = await startNativeDaemon();
    const g = new Guestfs({ environment: {}, backend: `unix:${daemon.socket}`, autosync });
    const quits: boolean[] = [];
    g.on('subprocessQuit', ({ expected }) => quits.push(expected));
    const recording = recordSession(g, join(folder, 'session.gfr'));
    await g.launch();
    await g.pingDaemon();
    await g[how]();
    expect((await recording.finished).calls).toBe(autosync ? 2 : 1);
    expect(quits).toEqual([true]);
    await daemon.exited;
    await g.close();
    await rm(join(folder, 'session.gfr'));
  });
});

describeNative('a daemon that was sending a file to a client that went', () => {
  test('is told to stop, and serves the next one', async () => {
    await using daemon = await startNativeDaemon();
    // As qemu does it: the daemon's end of the line stays when a client goes, and what it sends then is lost.
    const upstream = connect(daemon.socket);
    let client: Socket | null = null;
    upstream.on('data', (bytes) => {
      if (client === null || client.destroyed || client.write(bytes)) return;
      upstream.pause();
      client.once('drain', () => upstream.resume()).once('close', () => upstream.resume());
    });
    const path = join(folder, 'line.sock');
    const server = createServer((socket) => {
      client = socket;
      socket.on('data', (bytes) => upstream.write(bytes)).on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const attach = async (): Promise<Guestfs> => {
      const g = new Guestfs({ environment: {}, autosync: false, backend: `unix:${path}` });
      await g.launch();
      return g;
    };
    const file = join(daemon.folder, 'large');
    await writeFile(file, '');
    await truncate(file, 200 * 1024 * 1024);
    for (let round = 0; round < 5; round++) {
      const g = await attach();
      let first!: () => void;
      const begun = new Promise<void>((resolve) => (first = resolve));
      const sink = new Writable({ write: (_bytes, _encoding, done) => (first(), done()) });
      const download = g.download(file, sink);
      download.catch(() => undefined);
      await begun;
      client!.destroy();
      await expect(Promise.resolve(download)).rejects.toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
      await g.close();
    }
    await using g = await attach();
    expect(await g.cat('/proc/sys/kernel/ostype')).toBe('Linux\n');
    upstream.destroy();
    server.close();
  }, 60_000);
});
