import { resolve } from 'node:path';
import { Connection, connectUnix, GuestfsError } from '@guestfs/core';
import type { Backend, ConnectionEnd, LaunchConfig, LaunchContext, Session, SessionEnd } from '@guestfs/core';

/**
 * The backend `unix:PATH`: a guestfsd that listens on a Unix socket of this host.
 *
 * `launch` connects and waits for the daemon's launch flag. `shutdown` closes the socket and leaves whatever the daemon
 * runs in alone. Drives and qemu parameters are refused with ERR_GUESTFS_ARGUMENT: the daemon has its own disks.
 */
export function unixBackend(path: string): Backend {
  return new UnixBackend(resolve(path));
}

class UnixBackend implements Backend {
  readonly name: string;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.name = `unix:${path}`;
  }

  async launch(config: LaunchConfig, context: LaunchContext): Promise<Session> {
    this.#checkConfig(config);
    context.phase('start');
    const { signal } = context;
    const transport = await connectUnix(this.#path, { signal });
    context.log(`connected to ${this.#path}`);
    context.phase('kernelUp');
    const connection = await Connection.open(transport, {
      launchFlag: 'required',
      timeout: config.timeout,
      signal,
      onProgress: (progress) => context.progress(progress),
    });
    context.phase('ready');
    return new UnixSession(connection);
  }

  #checkConfig(config: LaunchConfig): void {
    if (config.drives.length > 0) {
      throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `the backend ${this.name} takes no drives`, {
        operation: 'launch',
        hint: 'the daemon has disks of its own: leave `addDrive` out, or use the backend `direct`',
      });
    }
    if (config.qemuParameters.length > 0) {
      throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `the backend ${this.name} takes no qemu parameters`, {
        operation: 'launch',
        hint: 'leave `config` out, or use the backend `direct`',
      });
    }
  }
}

class UnixSession implements Session {
  readonly connection: Connection;
  readonly pid = null;
  readonly ended: Promise<SessionEnd>;

  constructor(connection: Connection) {
    this.connection = connection;
    this.ended = connection.closed.then(describeEnd);
  }

  shutdown(): Promise<void> {
    return this.connection.close();
  }

  kill(): void {
    this.connection.destroy();
  }
}

function describeEnd({ expected, reason }: ConnectionEnd): SessionEnd {
  return { expected, reason: expected ? 'the connection was closed' : reason.message };
}
