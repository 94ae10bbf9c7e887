import type { DriveConfig } from '../config/config.js';
import type { QemuOption } from '../qemu/options.js';
import { protocolRules } from './protocols.js';
import { parseServer, type DriveServer } from './servers.js';

/** A secret that goes to qemu through a file, never on its command line, where all users can read it. */
export interface DriveSecret {
  readonly id: string;
  readonly content: string;
  readonly encoding: 'raw' | 'base64';
}

/** A drive's source as options of qemu's protocol drivers. */
export interface DriveSource {
  readonly options: readonly QemuOption[];
  readonly secret: DriveSecret | null;
}

/** A file or block device, by its absolute path. The driver is named, so nothing in the path is taken for a protocol. */
export function fileSource(path: string, kind: 'file' | 'block-device', readonly: boolean): DriveSource {
  const options: QemuOption[] = [
    ['file.driver', kind === 'file' ? 'file' : 'host_device'],
    ['file.filename', path],
  ];
  // A disk that is only read may be in use by another machine.
  if (readonly) options.push(['file.locking', 'off']);
  return { options, secret: null };
}

type TcpServer = DriveServer & { readonly transport: 'tcp' };

type MakeSource = (drive: DriveConfig, servers: readonly DriveServer[], secretId: string) => DriveSource;

const SOURCES: Readonly<Record<string, MakeSource>> = {
  ftp: curlSource,
  ftps: curlSource,
  http: curlSource,
  https: curlSource,
  iscsi: iscsiSource,
  nbd: nbdSource,
  rbd: rbdSource,
  ssh: sshSource,
};

/** A network disk that was checked; `secretId` is a free name for its secret. */
export function networkSource(drive: DriveConfig, secretId: string): DriveSource {
  const { protocol = '', servers = [] } = drive;
  const port = protocolRules(protocol)?.port;
  const withPorts = servers
    .map(parseServer)
    .map((server) =>
      server.transport === 'tcp' && server.port === null && typeof port === 'number' ? { ...server, port } : server,
    );
  return SOURCES[protocol]!(drive, withPorts, secretId);
}

function curlSource(drive: DriveConfig, [server]: readonly DriveServer[], secretId: string): DriveSource {
  const protocol = drive.protocol ?? '';
  const path = drive.file.split('/').map(encodeURIComponent).join('/');
  const secret = secretOf(drive, secretId, 'raw');
  return {
    options: [
      ['file.driver', protocol],
      ['file.url', `${protocol}://${urlHost(server as TcpServer)}${path}`],
      ...optional('file.username', drive.username),
      ...optional('file.password-secret', secret?.id),
    ],
    secret,
  };
}

function nbdSource(drive: DriveConfig, [server]: readonly DriveServer[]): DriveSource {
  return {
    options: [
      ['file.driver', 'nbd'],
      ...socketAddress('file.server', server!),
      ...optional('file.export', drive.file || undefined),
    ],
    secret: null,
  };
}

function sshSource(drive: DriveConfig, [server]: readonly DriveServer[]): DriveSource {
  const { host, port } = server as TcpServer;
  return {
    options: [
      ['file.driver', 'ssh'],
      ['file.server.host', host],
      ['file.server.port', String(port)],
      ['file.path', drive.file],
      ...optional('file.user', drive.username),
    ],
    secret: null,
  };
}

function iscsiSource(drive: DriveConfig, [server]: readonly DriveServer[], secretId: string): DriveSource {
  const [target = '', lun = '0'] = drive.file.split('/');
  const secret = secretOf(drive, secretId, 'raw');
  return {
    options: [
      ['file.driver', 'iscsi'],
      ['file.transport', 'tcp'],
      ['file.portal', urlHost(server as TcpServer)],
      ['file.target', target],
      ['file.lun', lun],
      ...optional('file.user', drive.username),
      ...optional('file.password-secret', secret?.id),
    ],
    secret,
  };
}

function rbdSource(drive: DriveConfig, servers: readonly DriveServer[], secretId: string): DriveSource {
  const parts = drive.file.split('/');
  // The key is given in base64 and qemu wants it so: it decodes the secret before use.
  const secret = secretOf(drive, secretId, 'base64');
  const methods = drive.username === undefined && secret === null ? ['none'] : ['cephx', 'none'];
  return {
    options: [
      ['file.driver', 'rbd'],
      ['file.pool', parts[0] ?? ''],
      ...optional('file.namespace', parts.length === 3 ? parts[1] : undefined),
      ['file.image', parts.at(-1) ?? ''],
      ...(servers as readonly TcpServer[]).flatMap(({ host, port }, i): QemuOption[] => [
        [`file.server.${i}.host`, host],
        [`file.server.${i}.port`, String(port)],
      ]),
      ...methods.map((method, i): QemuOption => [`file.auth-client-required.${i}`, method]),
      ...optional('file.user', drive.username),
      ...optional('file.key-secret', secret?.id),
    ],
    secret,
  };
}

function urlHost({ host, port }: TcpServer): string {
  return (host.includes(':') ? `[${host}]` : host) + (port === null ? '' : `:${port}`);
}

function socketAddress(prefix: string, server: DriveServer): QemuOption[] {
  if (server.transport === 'unix')
    return [
      [`${prefix}.type`, 'unix'],
      [`${prefix}.path`, server.path],
    ];
  return [
    [`${prefix}.type`, 'inet'],
    [`${prefix}.host`, server.host],
    [`${prefix}.port`, String(server.port)],
  ];
}

function optional(key: string, value: string | undefined): QemuOption[] {
  return value === undefined ? [] : [[key, value]];
}

function secretOf(drive: DriveConfig, id: string, encoding: DriveSecret['encoding']): DriveSecret | null {
  return drive.secret === undefined ? null : { id, content: drive.secret, encoding };
}
