import type { Connection } from '../../protocol/connection/connection.js';
import type { DriveConfig, LaunchConfig, LaunchContext } from './config.js';

/** How a session ended: by `shutdown`, or by itself (qemu died, the daemon went away). */
export interface SessionEnd {
  readonly expected: boolean;
  /** For people: `qemu exited with status 1`, `the daemon closed the connection`. */
  readonly reason: string;
}

/** A running daemon that answers calls, and whatever it runs in. */
export interface Session {
  readonly connection: Connection;
  /** The process that runs the appliance, null where there is none of ours. */
  readonly pid: number | null;
  /** Resolves, never rejects, when daemon and subprocess are gone and everything temporary is removed. */
  readonly ended: Promise<SessionEnd>;
  /**
   * Adds disks to a running appliance that was started without any; resolves when its daemon can use them. Left out where
   * that cannot be done. For one use.
   */
  readonly addDrives?: ((drives: readonly DriveConfig[]) => Promise<void>) | undefined;
  /** From now on, until it is shut down, has a machine that is stopped from outside go on. Left out where there is none. */
  keepRunning?(): void;
  /** Ends it in order and resolves when all is gone. The caller has synced before. Idempotent. */
  shutdown(): Promise<void>;
  /** Ends it at once; `ended` tells when all is gone. Idempotent. */
  kill(): void;
}

/** A way to reach a daemon: an appliance under qemu, a unix socket, a recording. */
export interface Backend {
  /** As the user named it: `direct`, `unix:/run/g.sock`. */
  readonly name: string;
  /** Refuses with a GuestfsError what does not fit this backend (drives for `unix:`), then starts or connects. */
  launch(config: LaunchConfig, context: LaunchContext): Promise<Session>;
}
