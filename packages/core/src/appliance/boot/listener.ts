import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { checkSocketPath } from '../host/folders.js';

/** Bytes that may wait in the socket before a write asks to wait. */
const WRITE_MARK = 256 * 1024;

/** A unix socket in a private folder that takes exactly one connection. */
export class ApplianceListener {
  readonly path: string;
  /** The one connection; never settles when none comes. */
  readonly accepted: Promise<Socket>;
  readonly #server: Server;

  private constructor(path: string, server: Server) {
    this.path = path;
    this.#server = server;
    this.accepted = new Promise((resolve) => {
      server.once('connection', (socket) => {
        // Closing also removes the socket's file: nobody else can come.
        server.close();
        socket.unref();
        resolve(socket);
      });
    });
  }

  static async listen(path: string): Promise<ApplianceListener> {
    checkSocketPath(path);
    const server = createServer({ highWaterMark: WRITE_MARK, pauseOnConnect: false });
    server.maxConnections = 1;
    const listener = new ApplianceListener(path, server);
    server.listen(path);
    await once(server, 'listening');
    return listener;
  }

  /** Stops waiting. Idempotent. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }
}
