import { GuestfsError } from '../../protocol/errors.js';
import type { DriveConfig } from '../config/config.js';
import type { QemuOption } from '../qemu/options.js';
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

const CURL_PROTOCOLS = ['http', 'https', 'ftp', 'ftps'];
const NBD_PORT = 10809;
const SSH_PORT = 22;
const ISCSI_PORT = 3260;

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

/** A network disk; `secretId` is a free name for its secret. `ERR_GUESTFS_ARGUMENT` says what is missing or too much. */
export function networkSource(drive: DriveConfig, secretId: string): DriveSource {
  const protocol = drive.protocol ?? '';
  if (CURL_PROTOCOLS.includes(protocol)) return curlSource(drive, protocol, secretId);
  if (protocol === 'nbd') return nbdSource(drive);
  if (protocol === 'ssh') return sshSource(drive);
  if (protocol === 'iscsi') return iscsiSource(drive, secretId);
  if (protocol === 'rbd') return rbdSource(drive, secretId);
  throw refusal(drive, 'is not known', `use one of file, ${CURL_PROTOCOLS.join(', ')}, nbd, ssh, iscsi, rbd`);
}

function curlSource(drive: DriveConfig, protocol: string, secretId: string): DriveSource {
  noDiscard(drive);
  const server = tcp(drive, onlyServer(drive));
  const url = `${protocol}://${urlHost(server)}${slashPath(drive).split('/').map(encodeURIComponent).join('/')}`;
  const secret = secretOf(drive, secretId, 'raw');
  return {
    options: [
      ['file.driver', protocol],
      ['file.url', url],
      ...optional('file.username', drive.username),
      ...optional('file.password-secret', secret?.id),
    ],
    secret,
  };
}

function nbdSource(drive: DriveConfig): DriveSource {
  if (drive.username !== undefined || drive.secret !== undefined)
    throw refusal(drive, 'has no users and secrets', 'leave out username and secret');
  const server = onlyServer(drive);
  return {
    options: [
      ['file.driver', 'nbd'],
      ...socketAddress('file.server', server, NBD_PORT),
      ...optional('file.export', drive.file || undefined),
    ],
    secret: null,
  };
}

function sshSource(drive: DriveConfig): DriveSource {
  noDiscard(drive);
  if (drive.secret !== undefined)
    throw refusal(
      drive,
      'takes no password: qemu logs in with the keys of the SSH agent',
      'leave out secret, and add the key with ssh-add',
    );
  const server = tcp(drive, onlyServer(drive));
  return {
    options: [
      ['file.driver', 'ssh'],
      ['file.server.host', server.host],
      ['file.server.port', String(server.port ?? SSH_PORT)],
      ['file.path', slashPath(drive)],
      ...optional('file.user', drive.username),
    ],
    secret: null,
  };
}

function iscsiSource(drive: DriveConfig, secretId: string): DriveSource {
  const server = tcp(drive, onlyServer(drive));
  const match = /^([^/]+)(?:\/([0-9]+))?$/.exec(drive.file);
  if (match === null)
    throw refusal(
      drive,
      'needs a target as the name',
      'give TARGET or TARGET/LUN, as in iqn.2003-01.org.example:disk/1',
    );
  const secret = secretOf(drive, secretId, 'raw');
  return {
    options: [
      ['file.driver', 'iscsi'],
      ['file.transport', 'tcp'],
      ['file.portal', urlHost({ ...server, port: server.port ?? ISCSI_PORT })],
      ['file.target', match[1] ?? ''],
      ['file.lun', match[2] ?? '0'],
      ...optional('file.user', drive.username),
      ...optional('file.password-secret', secret?.id),
    ],
    secret,
  };
}

function rbdSource(drive: DriveConfig, secretId: string): DriveSource {
  const parts = drive.file.split('/');
  if (parts.length < 2 || parts.length > 3 || parts.includes(''))
    throw refusal(drive, 'needs a pool and an image as the name', 'give POOL/IMAGE or POOL/NAMESPACE/IMAGE');
  const monitors = (drive.servers ?? []).map((text) => tcp(drive, parseServer(text)));
  // The key is given in base64 and qemu wants it so: it decodes the secret before use.
  const secret = secretOf(drive, secretId, 'base64');
  const methods = drive.username === undefined && secret === null ? ['none'] : ['cephx', 'none'];
  return {
    options: [
      ['file.driver', 'rbd'],
      ['file.pool', parts[0] ?? ''],
      ...optional('file.namespace', parts.length === 3 ? parts[1] : undefined),
      ['file.image', parts.at(-1) ?? ''],
      ...monitors.flatMap(({ host, port }, i): QemuOption[] => {
        if (port === null) throw refusal(drive, 'needs a port for each server', 'give HOST:PORT');
        return [
          [`file.server.${i}.host`, host],
          [`file.server.${i}.port`, String(port)],
        ];
      }),
      ...methods.map((method, i): QemuOption => [`file.auth-client-required.${i}`, method]),
      ...optional('file.user', drive.username),
      ...optional('file.key-secret', secret?.id),
    ],
    secret,
  };
}

function noDiscard(drive: DriveConfig): void {
  if (drive.discard === 'enable')
    throw refusal(drive, 'cannot discard', 'leave out discard, or use discard: besteffort');
}

function onlyServer(drive: DriveConfig): DriveServer {
  const [server, ...more] = drive.servers ?? [];
  if (server === undefined || more.length > 0)
    throw refusal(drive, `takes exactly one server, not ${drive.servers?.length ?? 0}`, 'give one server: HOST:PORT');
  return parseServer(server);
}

function tcp(drive: DriveConfig, server: DriveServer): { host: string; port: number | null } {
  if (server.transport === 'tcp') return server;
  throw refusal(drive, 'cannot use a unix socket', 'give HOST:PORT');
}

function slashPath(drive: DriveConfig): string {
  if (drive.file.startsWith('/')) return drive.file;
  throw refusal(drive, 'needs an absolute path as the name', 'start the name with a slash');
}

function urlHost({ host, port }: { host: string; port: number | null }): string {
  return (host.includes(':') ? `[${host}]` : host) + (port === null ? '' : `:${port}`);
}

function socketAddress(prefix: string, server: DriveServer, port: number): QemuOption[] {
  if (server.transport === 'unix')
    return [
      [`${prefix}.type`, 'unix'],
      [`${prefix}.path`, server.path],
    ];
  return [
    [`${prefix}.type`, 'inet'],
    [`${prefix}.host`, server.host],
    [`${prefix}.port`, String(server.port ?? port)],
  ];
}

function optional(key: string, value: string | undefined): QemuOption[] {
  return value === undefined ? [] : [[key, value]];
}

function secretOf(drive: DriveConfig, id: string, encoding: DriveSecret['encoding']): DriveSecret | null {
  return drive.secret === undefined ? null : { id, content: drive.secret, encoding };
}

function refusal(drive: DriveConfig, what: string, hint: string): GuestfsError {
  return new GuestfsError(
    'ERR_GUESTFS_ARGUMENT',
    `the drive ${JSON.stringify(drive.file)}: the protocol ${drive.protocol ?? 'file'} ${what}`,
    { hint },
  );
}
