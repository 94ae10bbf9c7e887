import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection, connectUnix, type ConnectionOptions } from '@guestfs/core';

const DAEMON = '/usr/sbin/guestfsd';
const START_TIMEOUT = 20_000;

/** Why the native daemon cannot run here, null when it can: for `describe.skip` with a reason. */
export function nativeDaemonMissing(): string | null {
  if (!existsSync(DAEMON)) return `${DAEMON} is not installed`;
  if (process.getuid?.() !== 0) return 'guestfsd needs root';
  return null;
}

/** A real guestfsd on this machine, without a virtual one. It works on this machine's own root. */
export interface NativeDaemon {
  /** Its Unix socket; it serves one connection and then exits. */
  readonly socket: string;
  /** A folder for the test's files, removed at the end. */
  readonly folder: string;
  readonly pid: number;
  /** What it wrote to stderr so far. */
  log(): string;
  /** Resolves when it has exited. */
  readonly exited: Promise<void>;
  kill(signal?: NodeJS.Signals): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A daemon with a connection to it. */
export interface ConnectedDaemon {
  readonly daemon: NativeDaemon;
  readonly connection: Connection;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a daemon that listens in a temporary folder. */
export async function startNativeDaemon(): Promise<NativeDaemon> {
  // The daemon lists this folder when it starts, and udev makes it where there is udev.
  if (!existsSync('/dev/disk/by-path')) mkdirSync('/dev/disk/by-path', { recursive: true });
  const folder = await mkdtemp(join(tmpdir(), 'guestfs-native-'));
  const socket = join(folder, 'daemon.sock');
  const child = spawn(DAEMON, ['-l', '-c', socket, '-r'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-64 * 1024)));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = (signal: NodeJS.Signals = 'SIGKILL'): void => void child.kill(signal);
  const dispose = async (): Promise<void> => {
    if (isRunning(child)) kill();
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_TIMEOUT;
  while (!existsSync(socket)) {
    if (!isRunning(child) || Date.now() > deadline) {
      await dispose();
      throw new Error(`guestfsd did not start: ${log}`);
    }
    await delay(20);
  }
  return { socket, folder, pid: child.pid ?? -1, log: () => log, exited, kill, [Symbol.asyncDispose]: dispose };
}

/** Starts a daemon and opens a connection to it. */
export async function connectNative(options: Partial<ConnectionOptions> = {}): Promise<ConnectedDaemon> {
  const daemon = await startNativeDaemon();
  const transport = await connectUnix(daemon.socket);
  const connection = await Connection.open(transport, { launchFlag: 'required', timeout: 20_000, ...options });
  const dispose = async (): Promise<void> => {
    connection.destroy();
    await daemon[Symbol.asyncDispose]();
  };
  return { daemon, connection, [Symbol.asyncDispose]: dispose };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
