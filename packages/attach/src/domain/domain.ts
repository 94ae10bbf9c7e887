import { GuestfsError } from '@guestfs/core';
import { child, children, parseXml, type XmlElement } from '../libvirt/xml.js';
import { readDisk, type DomainDisk } from './disk.js';

/** The name of the port through which guestfsd talks. */
const CHANNEL = 'org.libguestfs.channel.0';

/** What matters here of a libvirt domain. */
export interface Domain {
  readonly name: string;
  readonly uuid: string;
  /** Whether it has a machine now: running, paused, or ending. */
  readonly active: boolean;
  /** Devices with a medium, in the order of the XML; drives that are empty are not among them. */
  readonly disks: readonly DomainDisk[];
  /** The host socket of guestfsd's channel; null where there is no such channel. */
  readonly channel: string | null;
  /** The SELinux labels that libvirt chose for the machine and its images; null where it chose none. */
  readonly selinux: { readonly label: string; readonly imagelabel: string } | null;
}

/** Reads a domain's XML, as `virsh dumpxml` prints it. Throws `ERR_GUESTFS_LIBVIRT` for another document. */
export function readDomain(xml: string): Domain {
  const root = parseXml(xml);
  const name = child(root, 'name')?.text;
  if (root.name !== 'domain' || name === undefined) {
    throw new GuestfsError('ERR_GUESTFS_LIBVIRT', `expected a domain's XML with its name, but found <${root.name}>`);
  }
  const devices = child(root, 'devices');
  return {
    name,
    uuid: child(root, 'uuid')?.text.trim() ?? '',
    active: root.attributes['id'] !== undefined,
    disks: children(devices, 'disk').flatMap((disk) => readDisk(disk) ?? []),
    channel: findChannel(devices),
    selinux: findLabels(root),
  };
}

function findChannel(devices: XmlElement | undefined): string | null {
  for (const channel of children(devices, 'channel')) {
    const target = child(channel, 'target')?.attributes;
    const path = child(channel, 'source')?.attributes['path'];
    const fits = channel.attributes['type'] === 'unix' && target?.['type'] === 'virtio' && target['name'] === CHANNEL;
    if (fits && path !== undefined && path !== '') return path;
  }
  return null;
}

/** Libvirt writes one label for each security model; with several of one model it is not clear which holds. */
function findLabels(root: XmlElement): Domain['selinux'] {
  const labels = children(root, 'seclabel').filter((seclabel) => seclabel.attributes['model'] === 'selinux');
  const label = child(labels[0], 'label')?.text.trim();
  const imagelabel = child(labels[0], 'imagelabel')?.text.trim();
  return labels.length === 1 && label && imagelabel ? { label, imagelabel } : null;
}
