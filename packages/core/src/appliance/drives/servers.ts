import { isIP } from 'node:net';
import { GuestfsError } from '../../protocol/errors.js';

/** Where a network disk is served. */
export type DriveServer =
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number | null }
  | { readonly transport: 'unix'; readonly path: string };

interface ServerRules {
  readonly unix: boolean;
  readonly port: number | 'required' | null;
}

const FORMS = 'must be HOST, HOST:PORT, [IPv6]:PORT or unix:PATH';

/** Reads a server as `addDrive` takes it: `HOST`, `HOST:PORT`, `tcp:HOST:PORT`, `[IPv6]:PORT`, `unix:PATH`. */
export function parseServer(text: string): DriveServer {
  const server = read(text);
  if (typeof server !== 'string') return server;
  throw new GuestfsError('ERR_GUESTFS_ARGUMENT', `option \`server\` ${server}, not ${JSON.stringify(text)}`);
}

/** What a server must be that this one is not, null where it fits. */
export function serverMistake(text: string, { unix, port }: ServerRules): string | null {
  const server = read(text);
  if (typeof server === 'string') return server;
  if (server.transport === 'unix') return unix ? null : 'must be a TCP server';
  return port === 'required' && server.port === null ? 'must have a port, as in HOST:PORT' : null;
}

/** The server, or what it must be. */
function read(text: string): DriveServer | string {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    return path === '' ? 'must name a socket after `unix:`' : { transport: 'unix', path };
  }
  const address = text.startsWith('tcp:') ? text.slice('tcp:'.length) : text;
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::([0-9]+))?$/.exec(address);
  if (match === null || (match[1] !== undefined && isIP(match[1]) === 0)) return FORMS;
  const host = match[1] ?? match[2] ?? '';
  if (host.length > 255) return 'must have a host name of at most 255 letters';
  const port = match[3] === undefined ? null : Number(match[3]);
  if (port !== null && (port < 1 || port > 65535)) return 'must have a port from 1 to 65535';
  return { transport: 'tcp', host, port };
}
