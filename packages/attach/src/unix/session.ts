import type { Connection, Session, SessionEnd } from '@guestfs/core';

/** A daemon that somebody else runs: ending the session only closes the connection. */
export class AttachedSession implements Session {
  readonly connection: Connection;
  readonly pid = null;
  readonly ended: Promise<SessionEnd>;

  constructor(connection: Connection) {
    this.connection = connection;
    this.ended = connection.closed.then(({ expected, reason }) => ({
      expected,
      reason: expected ? 'closed from here' : reason.reason,
    }));
  }

  async shutdown(): Promise<void> {
    await this.connection.close();
  }

  kill(): void {
    this.connection.destroy();
  }
}
