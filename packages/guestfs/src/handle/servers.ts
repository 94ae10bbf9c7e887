import { GuestfsError } from '@guestfs/core';

interface NetworkOptions {
  readonly server?: readonly string[] | undefined;
  readonly username?: string | undefined;
  readonly secret?: string | undefined;
}

interface ProtocolRules {
  /** How many servers it takes. */
  readonly servers: 'none' | 'one' | 'any';
  readonly unix: boolean;
  readonly username: boolean;
  readonly secret: boolean;
  /** What the name of the export must be like. */
  readonly path: 'absolute' | 'relative' | 'any';
}

const curl: ProtocolRules = { servers: 'one', unix: false, username: true, secret: true, path: 'absolute' };

const PROTOCOLS: Readonly<Record<string, ProtocolRules>> = {
  file: { servers: 'none', unix: false, username: false, secret: false, path: 'any' },
  ftp: curl,
  ftps: curl,
  http: curl,
  https: curl,
  iscsi: { servers: 'one', unix: false, username: true, secret: true, path: 'relative' },
  nbd: { servers: 'one', unix: true, username: false, secret: false, path: 'any' },
  rbd: { servers: 'any', unix: false, username: true, secret: true, path: 'relative' },
  ssh: { servers: 'one', unix: false, username: true, secret: true, path: 'absolute' },
};

/** Checks that protocol, servers and names of a drive go together. */
export function checkServers(protocol: string, name: string, options: NetworkOptions): void {
  const rules = PROTOCOLS[protocol];
  if (rules === undefined || !Object.hasOwn(PROTOCOLS, protocol)) {
    throw refused(`\`protocol\` must be one of ${Object.keys(PROTOCOLS).join(', ')}`);
  }
  const { server = [], username, secret } = options;
  if (rules.servers === 'none' && server.length > 0) throw refused('`server` is only for network disks');
  if (rules.servers === 'one' && server.length !== 1) throw refused(`${protocol} takes exactly one server`);
  if (username !== undefined && !rules.username) throw refused(`${protocol} takes no \`username\``);
  if (secret !== undefined && !rules.secret) throw refused(`${protocol} takes no \`secret\``);
  if (protocol === 'ssh' && username === '') throw refused('`username` is empty');
  if (rules.path !== 'any' && name === '') throw refused(`${protocol} needs the name of an export`);
  if (rules.path === 'absolute' && !name.startsWith('/')) throw refused(`a path of ${protocol} starts with a slash`);
  if (rules.path === 'relative' && name.startsWith('/'))
    throw refused(`a name of ${protocol} does not start with a slash`);
  for (const each of server) checkServer(protocol, rules, each);
}

function checkServer(protocol: string, rules: ProtocolRules, server: string): void {
  if (server.startsWith('unix:')) {
    if (!rules.unix) throw refused(`${protocol} takes TCP servers only`);
    if (server === 'unix:') throw refused('the path of the socket is missing');
    return;
  }
  const address = server.startsWith('tcp:') ? server.slice(4) : server;
  const [, host = address, port] = /^(.*):([0-9]+)$/s.exec(address) ?? [];
  if (!/^[A-Za-z0-9.:[\]-]{1,255}$/.test(host))
    throw refused(`${server} is no server: use HOST, HOST:PORT or unix:PATH`);
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) throw refused(`${port} is no port`);
  if (protocol === 'rbd' && port === undefined) throw refused('a server of rbd needs its port: HOST:PORT');
}

function refused(message: string): GuestfsError {
  return new GuestfsError('ERR_GUESTFS_ARGUMENT', message, { operation: 'addDrive' });
}
