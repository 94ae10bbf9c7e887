import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { NativeDaemon } from './native-daemon.js';

/** Stands between a handle and its daemon. */
export interface Relay extends AsyncDisposable {
  /** The socket that takes the place of the daemon's. */
  readonly socket: string;
  /** How many bytes the handle has sent. */
  readonly sent: number;
  /** Passes nothing on any more, so that no mistake can reach the daemon, which works on this machine. */
  block(): void;
  unblock(): void;
}

/** Starts a relay to a daemon, in the daemon's folder. */
export async function startRelay(daemon: NativeDaemon): Promise<Relay> {
  const socket = join(daemon.folder, 'relay.sock');
  const sockets: Socket[] = [];
  let sent = 0;
  let blocked = false;
  const server = createServer((client) => {
    const upstream = connect(daemon.socket);
    sockets.push(client, upstream);
    client.on('data', (bytes) => {
      sent += bytes.length;
      if (!blocked) upstream.write(bytes);
    });
    upstream.pipe(client);
    client.on('close', () => upstream.destroy()).on('error', () => undefined);
    upstream.on('close', () => client.destroy()).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    socket,
    get sent() {
      return sent;
    },
    block: () => void (blocked = true),
    unblock: () => void (blocked = false),
    async [Symbol.asyncDispose]() {
      for (const each of sockets) each.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
