import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { connectUnix, SocketTransport } from '@guestfs/core';
import { describeTransport, until } from '../compliance/transport-contract.js';
import { unixPeer, type UnixPeer } from '../support/unix-peer.js';

describeTransport('a socket that connected', async () => {
  const peer = await unixPeer();
  return { transport: await connectUnix(peer.path), peer };
});

// As with qemu: the library listens, and the socket that it accepts is the transport.
describeTransport('a socket that was accepted', async () => {
  const peer = await unixPeer();
  await rm(peer.path);
  const server = createServer({ highWaterMark: 256 * 1024 }).listen(peer.path);
  await once(server, 'listening');
  const far = connect(peer.path);
  far.on('error', () => undefined);
  const [near] = (await once(server, 'connection')) as [Socket];
  const parts: Buffer[] = [];
  let ended = false;
  far.on('data', (bytes) => parts.push(bytes)).once('close', () => (ended = true));
  return {
    transport: new SocketTransport(near, 'appliance'),
    peer: {
      send: (bytes) => void far.write(bytes),
      received: () => Buffer.concat(parts),
      stall: (stalled) => void (stalled ? far.pause() : far.resume()),
      end: () => void far.end(),
      ended: () => ended,
      dispose: async () => {
        far.destroy();
        server.close();
        await peer.dispose();
      },
    },
  };
});

describe('a socket transport', () => {
  let peer: UnixPeer;
  afterEach(() => peer.dispose());

  test('tells why it ended when the peer resets it', async () => {
    peer = await unixPeer();
    const transport = await connectUnix(peer.path);
    const ends: (Error | undefined)[] = [];
    transport.start({ data: () => undefined, end: (reason) => ends.push(reason) });
    const far = await peer.accepted();
    far.pause();
    transport.write(Buffer.alloc(1000));
    await until(() => far.bytesRead > 0 || far.readableLength >= 0, 'the write');
    far.destroy();
    for (let i = 0; i < 50 && ends.length === 0; i++) {
      transport.write(Buffer.alloc(64 * 1024));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(ends).toHaveLength(1);
    expect(ends[0]).toMatchObject({ code: expect.stringMatching(/EPIPE|ECONNRESET/) });
  });

  test('survives an error that comes before start', async () => {
    peer = await unixPeer();
    const transport = await connectUnix(peer.path);
    (await peer.accepted()).destroy();
    transport.write(Buffer.alloc(1_000_000));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const ends: unknown[] = [];
    transport.start({ data: () => undefined, end: (reason) => ends.push(reason) });
    await until(() => ends.length === 1, 'the end');
  });

  test('refuses a second start', async () => {
    peer = await unixPeer();
    const transport = await connectUnix(peer.path);
    const receiver = { data: () => undefined, end: () => undefined };
    transport.start(receiver);
    expect(() => transport.start(receiver)).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_STATE' }));
    transport.destroy();
  });
});

describe('connectUnix', () => {
  let peer: UnixPeer;
  afterEach(() => peer.dispose());

  test('says what is wrong with a path where nothing is', async () => {
    peer = await unixPeer();
    await expect(connectUnix(`${peer.path}.none`)).rejects.toMatchObject({
      code: 'ERR_GUESTFS_ATTACH',
      message: expect.stringMatching(/ENOENT[^]*What to do: check the path/),
      cause: expect.objectContaining({ code: 'ENOENT' }),
    });
  });

  test('says what is wrong with a file that is no socket', async () => {
    peer = await unixPeer();
    await writeFile(`${peer.path}.txt`, '');
    await expect(connectUnix(`${peer.path}.txt`)).rejects.toMatchObject({ code: 'ERR_GUESTFS_ATTACH' });
  });

  test('refuses a path that no socket can have', async () => {
    peer = await unixPeer();
    await expect(connectUnix(`/tmp/${'x'.repeat(300)}`)).rejects.toMatchObject({ code: 'ERR_GUESTFS_ATTACH' });
  });

  test('is given up by a signal, before and after', async () => {
    peer = await unixPeer();
    const reason = new Error('changed my mind');
    const early = connectUnix(peer.path, { signal: AbortSignal.abort(reason) });
    await expect(early).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: reason });
    const controller = new AbortController();
    const late = connectUnix(peer.path, { signal: controller.signal });
    controller.abort(reason);
    await expect(late).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: reason });
  });
});
