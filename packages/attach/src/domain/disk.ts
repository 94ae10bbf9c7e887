import { child, children, type XmlElement } from '../libvirt/xml.js';

/** Where a libvirt secret is kept: libvirt gives its value to those with the right to it. */
export interface SecretReference {
  readonly type: string;
  readonly uuid?: string;
  readonly usage?: string;
}

/** Where the bytes of a disk are. */
export type DiskSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'volume'; readonly pool: string; readonly volume: string }
  | {
      readonly kind: 'network';
      readonly protocol: string;
      /** The export or image; empty where the protocol needs none. */
      readonly name: string;
      /** `host`, `host:port`, `[v6]:port` or `unix:/path`, as `addDrive` takes them. */
      readonly servers: readonly string[];
      readonly username?: string;
      readonly secret?: SecretReference;
    }
  | { readonly kind: 'other'; readonly type: string };

/** A disk as a domain's XML describes it. */
export interface DomainDisk {
  /** For messages: the device's name in the guest, `vda`. */
  readonly target: string;
  readonly device: string;
  readonly source: DiskSource;
  /** `raw`, `qcow2`, …; undefined where the XML does not say. */
  readonly format?: string;
  readonly readonly: boolean;
  /** 512 or 4096; undefined where the XML does not say. */
  readonly blocksize?: number;
}

/** Reads a `<disk>`; null for a drive without a medium. */
export function readDisk(disk: XmlElement): DomainDisk | null {
  const type = disk.attributes['type'] ?? 'file';
  const source = readSource(type, disk);
  if (source === null) return null;
  const format = child(disk, 'driver')?.attributes['type'];
  const blocksize = Number(child(disk, 'blockio')?.attributes['logical_block_size']);
  return {
    target: child(disk, 'target')?.attributes['dev'] ?? '?',
    device: disk.attributes['device'] ?? 'disk',
    source,
    readonly: child(disk, 'readonly') !== undefined,
    ...(format === undefined || format === '' ? {} : { format }),
    ...(blocksize === 512 || blocksize === 4096 ? { blocksize } : {}),
  };
}

function readSource(type: string, disk: XmlElement): DiskSource | null {
  const source = child(disk, 'source');
  if (source === undefined) return null;
  const attribute = (name: string): string => source.attributes[name] ?? '';
  switch (type) {
    case 'file':
    case 'block': {
      const path = attribute(type === 'file' ? 'file' : 'dev');
      return path === '' ? null : { kind: 'file', path };
    }
    case 'volume':
      return { kind: 'volume', pool: attribute('pool'), volume: attribute('volume') };
    case 'network':
      return {
        kind: 'network',
        protocol: attribute('protocol'),
        name: attribute('name'),
        servers: readServers(source),
        ...readAuth(disk, source),
      };
    default:
      return { kind: 'other', type };
  }
}

function readServers(source: XmlElement): string[] {
  return children(source, 'host').map(({ attributes: { name = '', port, transport, socket } }) => {
    if (transport === 'unix') return `unix:${socket ?? ''}`;
    const host = name.includes(':') && !name.startsWith('[') ? `[${name}]` : name;
    return port === undefined ? host : `${host}:${port}`;
  });
}

function readAuth(disk: XmlElement, source: XmlElement): { username?: string; secret?: SecretReference } {
  // Older libvirt wrote it beside the source.
  const auth = child(source, 'auth') ?? child(disk, 'auth');
  const username = auth?.attributes['username'];
  const secret = child(auth, 'secret')?.attributes;
  if (username === undefined) return {};
  if (secret === undefined) return { username };
  const { type = '', uuid, usage } = secret;
  return {
    username,
    secret: { type, ...(uuid === undefined ? {} : { uuid }), ...(usage === undefined ? {} : { usage }) },
  };
}
