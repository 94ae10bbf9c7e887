import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unixBackend } from '../../src/unix.js';
import { launchConfig, launchContext } from '../../../../test/support/launch-settings.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-bad-peers-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let count = 0;

class Peer {
  readonly path = join(folder, `${count++}.sock`);
  readonly sockets: Socket[] = [];
  readonly #server: Server;

  constructor(act: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined);
      act(socket);
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.path, resolve));
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const launch = (path: string, timeout = 500) =>
  unixBackend(path, { timeout }).launch(launchConfig(), launchContext().context);

describe('unixBackend', () => {
  test.each([
    ['sends nothing', () => undefined],
    ['sends half a flag', (socket: Socket) => void socket.write(Buffer.from('f5f5', 'hex'))],
    ['sends garbage', (socket: Socket) => void socket.write('220 mail.example.org ESMTP\r\n')],
    ['hangs up', (socket: Socket) => void socket.end()],
    ['resets', (socket: Socket) => void socket.destroy()],
    [
      'sends a message without end',
      (socket: Socket) => {
        const more = (): void => {
          for (let i = 0; i < 64 && !socket.destroyed && socket.write(Buffer.alloc(65536, 7)); i++);
        };
        socket.on('drain', more);
        more();
      },
    ],
  ])('a peer that %s: a typed error within the deadline, and the connection is closed', async (_, act) => {
    await using peer = await new Peer(act).listen();
    const started = performance.now();
    await expect(launch(peer.path)).rejects.toMatchObject({ code: 'ERR_GUESTFS_ATTACH', hint: expect.any(String) });
    expect(performance.now() - started).toBeLessThan(5_000);
    const [socket] = peer.sockets;
    if (!socket!.destroyed) await new Promise((resolve) => socket!.once('close', resolve).resume());
  });

  test('a dead socket and one that is not there: tried until the deadline', async () => {
    const peer = await new Peer(() => undefined).listen();
    const dead = join(folder, 'dead.sock');
    await (await import('node:fs/promises')).link(peer.path, dead);
    await peer[Symbol.asyncDispose]();
    for (const path of [dead, join(folder, 'none.sock')]) {
      const started = performance.now();
      await expect(launch(path, 300)).rejects.toMatchObject({ code: 'ERR_GUESTFS_ATTACH' });
      expect(performance.now() - started).toBeGreaterThan(250);
    }
  });

  test('a daemon that begins to listen in the meantime is reached', async () => {
    const peer = new Peer((socket) => void socket.write(Buffer.from('f5f55ff5', 'hex')));
    const launched = launch(peer.path, 5_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await peer.listen();
    const session = await launched;
    expect(session.pid).toBeNull();
    await session.shutdown();
    expect(await session.ended).toMatchObject({ expected: true });
    await peer[Symbol.asyncDispose]();
  });

  test('a daemon that goes away ends the session with a reason', async () => {
    await using peer = await new Peer((socket) => void socket.write(Buffer.from('f5f55ff5', 'hex'))).listen();
    const session = await launch(peer.path);
    const call = session.connection.ping();
    peer.sockets[0]!.destroy();
    await expect(call).rejects.toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    expect(await session.ended).toMatchObject({ expected: false, reason: expect.stringContaining('lost') });
    await session.shutdown();
  });

  test('drives, qemu parameters and a network are refused before anything is tried', async () => {
    const backend = unixBackend('/nowhere/g.sock');
    for (const changes of [
      { drives: [{ file: '/a', readonly: true }] },
      { qemuParameters: [['-m', '1'] as const] },
      { network: true },
    ]) {
      await expect(backend.launch(launchConfig(changes), launchContext().context)).rejects.toMatchObject({
        code: 'ERR_GUESTFS_UNSUPPORTED',
      });
    }
  });

  test('a launch that is given up rejects at once', async () => {
    await using peer = await new Peer(() => undefined).listen();
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 50);
    const { context } = launchContext({ signal: controller.signal });
    await expect(unixBackend(peer.path).launch(launchConfig(), context)).rejects.toMatchObject({
      code: 'ERR_GUESTFS_CANCELLED',
      cause: { message: 'enough' },
    });
  });
});
