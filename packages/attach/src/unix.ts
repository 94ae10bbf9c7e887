import { resolve } from 'node:path';
import {
  Connection,
  GuestfsError,
  type Backend,
  type LaunchConfig,
  type LaunchContext,
  type Session,
} from '@guestfs/core';
import { withinLaunchTimeout } from '@guestfs/core/appliance';
import { checkSocket } from './unix/check-socket.js';
import { connectWithRetry } from './unix/connect.js';
import { greet } from './unix/greeting.js';
import { AttachedSession } from './unix/session.js';
import { ATTACH_TIMEOUT, attachSettings, type AttachOptions } from './unix/settings.js';

export type { AttachOptions } from './unix/settings.js';

/** How long nobody may listen on the socket, in milliseconds, unless a timeout was set: a wrong path shows soon. */
const CONNECT_RETRY_TIME = 5_000;

/**
 * Attaches to a guestfsd that listens on a Unix socket, or to one inside a virtual machine whose port qemu offers there.
 *
 * The options go before the backend settings `attach_timeout=SECONDS` and `allow_other_owner`. Drives and qemu parameters
 * are refused with `ERR_GUESTFS_UNSUPPORTED`: the daemon's machine runs already, and goes on when the handle is closed.
 */
export function unixBackend(socket: string, options: AttachOptions = {}): Backend {
  // At once: the program may change its folder before it launches.
  const path = socket === '' ? '' : resolve(socket);
  const name = `unix:${path}`;
  return {
    name,
    launch: (config, given) =>
      withinLaunchTimeout(config, given, async (context) => {
        refuseMachineSettings(name, config);
        context.phase('start');
        const settings = attachSettings(config.backendSettings);
        const timeout = options.timeout ?? settings.timeout;
        context.deadline.waitFor(`the daemon at ${name}`);
        const session = await attach(path, context, {
          timeout: timeout ?? ATTACH_TIMEOUT,
          retryTime: timeout ?? CONNECT_RETRY_TIME,
          allowOtherOwner: options.allowOtherOwner ?? settings.allowOtherOwner ?? false,
        });
        for (const phase of ['applianceBuilt', 'kernelUp', 'initRunning', 'ready'] as const) context.phase(phase);
        return session;
      }),
  };
}

interface AttachLimits {
  readonly timeout: number;
  readonly retryTime: number;
  readonly allowOtherOwner: boolean;
}

async function attach(path: string, context: LaunchContext, limits: AttachLimits): Promise<Session> {
  const { signal } = context;
  const log = (line: string): void => context.log(line);
  const deadline = performance.now() + limits.timeout;
  await checkSocket(path, limits.allowOtherOwner);
  const retryTime = Math.min(limits.retryTime, limits.timeout);
  const transport = await connectWithRetry(path, { retryTime, signal, log });
  // Once more: what is there now may be another socket than the first time, or the first one.
  await checkSocket(path, limits.allowOtherOwner).catch((error: unknown) => {
    transport.destroy();
    throw error;
  });
  const timeout = Math.max(1, deadline - performance.now());
  const greeted = await greet(transport, { timeout, signal, log });
  const connection = await Connection.open(greeted, {
    launchFlag: 'none',
    signal,
    onProgress: (progress) => context.progress(progress),
    log: (line) => context.log(line),
    ...(context.tap && { tap: context.tap }),
  });
  return new AttachedSession(connection);
}

function refuseMachineSettings(name: string, config: LaunchConfig): void {
  const wrong =
    config.drives.length > 0
      ? `${config.drives.length} drive${config.drives.length > 1 ? 's were' : ' was'} added`
      : config.qemuParameters.length > 0
        ? 'qemu parameters were set'
        : config.network
          ? 'a network was asked for'
          : null;
  if (wrong === null) return;
  throw new GuestfsError('ERR_GUESTFS_UNSUPPORTED', `${wrong}, but ${name} is a machine that runs already`, {
    hint: 'leave that out, or launch an appliance: setBackend("direct")',
  });
}
