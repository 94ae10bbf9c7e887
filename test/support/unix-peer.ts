import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import type { TransportPeer } from '../compliance/transport-contract.js';

/** A Unix socket that one client may connect to, driven from the server's side. */
export interface UnixPeer extends TransportPeer {
  readonly path: string;
  /** The server's end, once somebody has connected. */
  accepted(): Promise<Socket>;
}

export async function unixPeer(): Promise<UnixPeer> {
  const folder = await mkdtemp(join(tmpdir(), 'guestfs-socket-'));
  const path = join(folder, 'peer.sock');
  const server = createServer();
  const parts: Buffer[] = [];
  let ended = false;
  const accepted = new Promise<Socket>((resolve) => {
    server.once('connection', (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => parts.push(bytes));
      socket.once('close', () => (ended = true));
      resolve(socket);
    });
  });
  server.listen(path);
  await once(server, 'listening');
  const withSocket = (use: (socket: Socket) => void): void => void accepted.then(use);
  return {
    path,
    accepted: () => accepted,
    send: (bytes) => withSocket((socket) => socket.write(bytes)),
    received: () => Buffer.concat(parts),
    stall: (stalled) => withSocket((socket) => (stalled ? socket.pause() : socket.resume())),
    end: () => withSocket((socket) => socket.end()),
    ended: () => ended,
    dispose: async () => {
      if (!ended) withSocket((socket) => socket.destroy());
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
