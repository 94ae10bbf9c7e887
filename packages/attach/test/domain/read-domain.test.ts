import { describe, expect, test } from '@jest/globals';
import { readDomain } from '../../src/domain/domain.js';

const domain = (devices: string, rest = ''): string =>
  `<domain type='kvm' id='3'><name>web</name><uuid>8a3c8b1e-0d51-4c9f-9d0e-3c9c5d5e7a10</uuid>${rest}<devices>${devices}</devices></domain>`;
const disks = (xml: string) => readDomain(domain(xml)).disks;

describe('readDomain', () => {
  test('tells name, UUID and whether it runs', () => {
    expect(readDomain(domain(''))).toMatchObject({
      name: 'web',
      uuid: '8a3c8b1e-0d51-4c9f-9d0e-3c9c5d5e7a10',
      active: true,
      disks: [],
      channel: null,
    });
    expect(readDomain('<domain><name>a &amp; b</name></domain>')).toMatchObject({ name: 'a & b', active: false });
  });

  test('refuses another document', () => {
    expect(() => readDomain('<network><name>default</name></network>')).toThrow(/expected a domain/);
    expect(() => readDomain('<domain/>')).toThrow(expect.objectContaining({ code: 'ERR_GUESTFS_LIBVIRT' }));
  });

  test('reads files and block devices with their formats', () => {
    const xml = `
      <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/vm/a, b.qcow2'>
        <seclabel model='selinux' relabel='no'/></source><target dev='vda'/></disk>
      <disk type='block' device='disk'><source dev='/dev/vg/lv'/><target dev='vdb'/><readonly/><shareable/></disk>
      <disk type='file' device='cdrom'><target dev='sda'/><readonly/></disk>`;
    expect(disks(xml)).toEqual([
      {
        target: 'vda',
        device: 'disk',
        source: { kind: 'file', path: '/vm/a, b.qcow2' },
        format: 'qcow2',
        readonly: false,
      },
      { target: 'vdb', device: 'disk', source: { kind: 'file', path: '/dev/vg/lv' }, readonly: true },
    ]);
  });

  test('does not take a backing file or a mirror for the disk', () => {
    const xml = `<disk type='file'><mirror type='file'><source file='/copy'/></mirror>
      <backingStore type='file'><format type='raw'/><source file='/base'/></backingStore><source file='/top'/><target dev='vda'/></disk>`;
    expect(disks(xml).map(({ source }) => source)).toEqual([{ kind: 'file', path: '/top' }]);
  });

  test('reads the sector size', () => {
    const xml = (size: string): string =>
      `<disk type='file'><source file='/a'/><target dev='vda'/><blockio logical_block_size='${size}'/></disk>`;
    expect(disks(xml('4096'))[0]?.blocksize).toBe(4096);
    expect(disks(xml('77'))[0]?.blocksize).toBeUndefined();
  });

  test('reads network disks: hosts, unix sockets, IPv6, credentials in both places', () => {
    const xml = `
      <disk type='network'><source protocol='nbd' name='exp'><host name='::1' port='10809'/></source><target dev='vda'/></disk>
      <disk type='network'><source protocol='nbd'><host transport='unix' socket='/run/nbd.sock'/></source><target dev='vdb'/></disk>
      <disk type='network'><source protocol='rbd' name='pool/img'><host name='m1' port='6789'/><host name='m2'/>
        <auth username='admin'><secret type='ceph' uuid='u-1'/></auth></source><target dev='vdc'/></disk>
      <disk type='network'><auth username='bob'><secret type='iscsi' usage='target1'/></auth>
        <source protocol='iscsi' name='iqn:x/1'><host name='h' port='3260'/></source><target dev='vdd'/></disk>`;
    expect(disks(xml).map(({ source }) => source)).toEqual([
      { kind: 'network', protocol: 'nbd', name: 'exp', servers: ['[::1]:10809'] },
      { kind: 'network', protocol: 'nbd', name: '', servers: ['unix:/run/nbd.sock'] },
      {
        kind: 'network',
        protocol: 'rbd',
        name: 'pool/img',
        servers: ['m1:6789', 'm2'],
        username: 'admin',
        secret: { type: 'ceph', uuid: 'u-1' },
      },
      {
        kind: 'network',
        protocol: 'iscsi',
        name: 'iqn:x/1',
        servers: ['h:3260'],
        username: 'bob',
        secret: { type: 'iscsi', usage: 'target1' },
      },
    ]);
  });

  test('reads volumes, and tells kinds that it does not know', () => {
    const xml = `<disk type='volume'><source pool='p' volume='v'/><target dev='vda'/></disk>
      <disk type='nvme'><source type='pci' namespace='1'/><target dev='vdb'/></disk>`;
    expect(disks(xml).map(({ source }) => source)).toEqual([
      { kind: 'volume', pool: 'p', volume: 'v' },
      { kind: 'other', type: 'nvme' },
    ]);
  });

  test('finds the channel of guestfsd among others', () => {
    const xml = `
      <channel type='spicevmc'><target type='virtio' name='org.libguestfs.channel.0'/></channel>
      <channel type='unix'><source mode='bind' path='/run/agent'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
      <channel type='unix'><source mode='bind' path='/run/g.sock'/><target type='virtio' name='org.libguestfs.channel.0' state='connected'/></channel>`;
    expect(readDomain(domain(xml)).channel).toBe('/run/g.sock');
    expect(
      readDomain(domain(`<channel type='unix'><target type='virtio' name='org.libguestfs.channel.0'/></channel>`))
        .channel,
    ).toBeNull();
  });

  test('reads SELinux labels, unless there are several', () => {
    const label = `<seclabel type='dynamic' model='selinux' relabel='yes'><label>a:b</label><imagelabel>c:d</imagelabel></seclabel>`;
    const dac = `<seclabel type='dynamic' model='dac' relabel='yes'><label>+1:+1</label><imagelabel>+1:+1</imagelabel></seclabel>`;
    expect(readDomain(domain('', dac + label)).selinux).toEqual({ label: 'a:b', imagelabel: 'c:d' });
    expect(readDomain(domain('', label + label)).selinux).toBeNull();
  });
});
