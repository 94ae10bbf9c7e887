import { isWellFormed } from '../../protocol/xdr/text.js';
import type { DriveConfig } from '../config/config.js';
import { serverMistake } from './servers.js';

/** What is wrong with a drive. */
export interface DriveMistake {
  readonly reason: string;
  readonly hint?: string | undefined;
}

/** What a protocol takes. */
export interface ProtocolRules {
  readonly servers: 'none' | 'one' | 'any';
  /** Whether a server may be a unix socket. */
  readonly unix: boolean;
  /** That of a server without a port; null where qemu chooses it. */
  readonly port: number | 'required' | null;
  readonly username: 'none' | 'any' | 'not-empty';
  readonly secret: boolean;
  /** The form of the name. */
  readonly name: { readonly pattern: RegExp; readonly description: string } | null;
  readonly discard: boolean;
  /** What helps where something was given that it does not take. */
  readonly hint?: string;
}

const absolutePath = { pattern: /^\//, description: 'a path that starts with a slash' };

const curl: ProtocolRules = {
  servers: 'one',
  unix: false,
  port: null,
  username: 'any',
  secret: true,
  name: absolutePath,
  discard: false,
};

const file: ProtocolRules = {
  servers: 'none',
  unix: false,
  port: null,
  username: 'none',
  secret: false,
  name: { pattern: /./s, description: 'the path of a disk image or a block device, not empty' },
  discard: true,
  hint: 'give `protocol` too where the disk is on a server',
};

/** The protocols of drives, and what each of them takes. */
export const PROTOCOLS: Readonly<Record<string, ProtocolRules>> = {
  file,
  ftp: curl,
  ftps: curl,
  http: curl,
  https: curl,
  iscsi: {
    servers: 'one',
    unix: false,
    port: 3260,
    username: 'any',
    secret: true,
    name: {
      pattern: /^[^/]+(?:\/[0-9]+)?$/,
      description: 'TARGET or TARGET/LUN, as in iqn.2003-01.org.example:disk/1',
    },
    discard: true,
  },
  nbd: { servers: 'one', unix: true, port: 10809, username: 'none', secret: false, name: null, discard: true },
  rbd: {
    servers: 'any',
    unix: false,
    port: 'required',
    username: 'any',
    secret: true,
    name: { pattern: /^[^/]+\/[^/]+(?:\/[^/]+)?$/, description: 'POOL/IMAGE or POOL/NAMESPACE/IMAGE' },
    discard: true,
  },
  ssh: {
    servers: 'one',
    unix: false,
    port: 22,
    username: 'not-empty',
    secret: false,
    name: absolutePath,
    discard: false,
    hint: 'QEMU logs in with the keys of the SSH agent: add yours with ssh-add',
  },
};

/** The rules of a protocol by its name; undefined where there is none of that name. */
export function protocolRules(name: string): ProtocolRules | undefined {
  return Object.hasOwn(PROTOCOLS, name) ? PROTOCOLS[name] : undefined;
}

export function isNetwork({ protocol }: Pick<DriveConfig, 'protocol'>): boolean {
  return protocol !== undefined && protocol !== 'file';
}

/** What does not fit the protocol of a drive; null where all does. */
export function protocolMistake(drive: DriveConfig): DriveMistake | null {
  const { protocol = 'file', file: name, servers = [], username, secret } = drive;
  const rules = protocolRules(protocol);
  if (rules === undefined) return { reason: `option \`protocol\` must be one of ${Object.keys(PROTOCOLS).join(', ')}` };
  const of = protocol === 'file' ? 'a file' : protocol;
  const { hint } = rules;
  if (rules.servers === 'none' && servers.length > 0) {
    return { reason: `option \`server\` must not be given for ${of}: it is only for network disks`, hint };
  }
  if (rules.servers === 'one' && servers.length !== 1) {
    const reason = `option \`server\` must be a list of exactly one server for ${of}, not ${servers.length}`;
    return { reason, hint: 'give one server: HOST or HOST:PORT' };
  }
  if (username !== undefined && rules.username === 'none') return notTaken('username', of, hint);
  if (secret !== undefined && !rules.secret) return notTaken('secret', of, hint);
  if (username === '' && rules.username === 'not-empty') {
    return { reason: `option \`username\` must not be empty for ${of}` };
  }
  if (rules.name !== null && !rules.name.pattern.test(name)) {
    return {
      reason: `argument \`filename\` must be ${rules.name.description}${isNetwork(drive) ? `, for ${of}` : ''}`,
    };
  }
  if (drive.discard === 'enable' && !rules.discard) {
    return { reason: `option \`discard\` must not be \`enable\` for ${of}, which cannot discard`, hint: BEST_EFFORT };
  }
  return eachServer(servers, protocol, rules) ?? (isNetwork(drive) ? textMistake(drive) : null);
}

const BEST_EFFORT = 'leave it out, or use `besteffort`';

function notTaken(option: string, protocol: string, hint: string | undefined): DriveMistake {
  return {
    reason: `option \`${option}\` must not be given for ${protocol}, which takes none`,
    hint: hint ?? `leave it out`,
  };
}

function eachServer(servers: readonly string[], protocol: string, rules: ProtocolRules): DriveMistake | null {
  for (const [index, server] of servers.entries()) {
    const reason = serverMistake(server, rules);
    if (reason === null) continue;
    const forms = rules.port === 'required' ? 'HOST:PORT or [IPv6]:PORT' : 'HOST, HOST:PORT or [IPv6]:PORT';
    return {
      reason: `option \`server[${index}]\` ${reason}, not ${JSON.stringify(server)}`,
      hint: `${protocol} takes ${forms}${rules.unix ? ', or unix:PATH' : ''}`,
    };
  }
  return null;
}

/** What goes to a server is text: only files of this host have names of other bytes. */
function textMistake({ file: name, servers = [], username = '', secret = '' }: DriveConfig): DriveMistake | null {
  const texts = { 'argument `filename`': name, 'option `username`': username, 'option `secret`': secret };
  const all = [...Object.entries(texts), ...servers.map((server, i) => [`option \`server[${i}]\``, server] as const)];
  const wrong = all.find(([, text]) => !isWellFormed(text));
  return wrong === undefined ? null : { reason: `${wrong[0]} must not hold a lone surrogate, for a network disk` };
}
