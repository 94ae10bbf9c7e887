import { GuestfsError } from '../../protocol/errors.js';

/** Where a network disk is served. */
export type DriveServer =
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number | null }
  | { readonly transport: 'unix'; readonly path: string };

/** Reads a server as `addDrive` takes it: `HOST`, `HOST:PORT`, `tcp:HOST:PORT`, `[IPv6]:PORT`, `unix:PATH`. */
export function parseServer(text: string): DriveServer {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path === '') throw wrong(text, 'names no socket');
    return { transport: 'unix', path };
  }
  const name = text.startsWith('tcp:') ? text.slice('tcp:'.length) : text;
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::([0-9]+))?$/.exec(name);
  if (match === null) throw wrong(text, 'is not a host name');
  const host = match[1] ?? match[2] ?? '';
  if (host.length > 255) throw wrong(text, 'has a host name of more than 255 letters');
  const port = match[3] === undefined ? null : Number(match[3]);
  if (port !== null && (port < 1 || port > 65535)) throw wrong(text, 'has a port that is not between 1 and 65535');
  return { transport: 'tcp', host, port };
}

function wrong(text: string, what: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', `the server ${JSON.stringify(text)} ${what}`, {
    hint: 'give HOST, HOST:PORT, [IPv6]:PORT or unix:PATH',
  });
}
