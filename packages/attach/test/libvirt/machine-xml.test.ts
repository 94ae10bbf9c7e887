import { describe, expect, test } from '@jest/globals';
import type { DriveConfig } from '@guestfs/core';
import { machineXml, type LibvirtDrive, type LibvirtMachine } from '../../src/libvirt/machine-xml.js';
import { child, children, parseXml } from '../../src/libvirt/xml.js';

function machine(changes: Partial<LibvirtMachine> = {}): LibvirtMachine {
  return {
    name: 'guestfs-1',
    config: { memsize: 1280, smp: 1, network: false, qemuParameters: [] },
    cpu: 'x86_64',
    accelerator: 'tcg',
    kernel: '/k',
    initrd: '/i',
    kernelArguments: 'console=ttyS0 a="b<c"',
    root: { path: '/o/root.qcow2', backing: '/cache/root', backingFormat: 'raw' },
    drives: [],
    channel: '/o/c.sock',
    console: '/o/s.sock',
    labels: null,
    ...changes,
  };
}

const drive = (config: Partial<DriveConfig>, rest: Partial<LibvirtDrive> = {}): LibvirtDrive => ({
  config: { file: '/a', readonly: false, ...config },
  kind: 'file',
  format: 'raw',
  overlay: null,
  ...rest,
});

const disksOf = (changes: Partial<LibvirtMachine>) =>
  children(child(parseXml(machineXml(machine(changes))), 'devices'), 'disk');

describe('machineXml', () => {
  test('follows the accelerator and the CPU', () => {
    const root = (changes: Partial<LibvirtMachine>) => parseXml(machineXml(machine(changes)));
    const tcg = root({});
    expect(tcg.attributes['type']).toBe('qemu');
    expect(child(tcg, 'cpu')?.attributes['mode']).toBe('maximum');
    expect(child(child(tcg, 'cpu'), 'feature')?.attributes).toEqual({ policy: 'disable', name: 'la57' });
    expect(child(child(tcg, 'os'), 'cmdline')?.text).toBe('console=ttyS0 a="b<c"');
    const kvm = root({ accelerator: 'kvm' });
    expect([kvm.attributes['type'], child(kvm, 'cpu')?.attributes['mode']]).toEqual(['kvm', 'host-passthrough']);
    const arm = root({ cpu: 'aarch64' });
    expect(child(child(arm, 'os'), 'type')?.attributes).toEqual({ arch: 'aarch64', machine: 'virt' });
    expect(child(child(arm, 'cpu'), 'feature')).toBeUndefined();
  });

  test('puts the user’s disks first and the root last, and no name can become markup', () => {
    const nasty = `/x'/><source file="/etc/shadow"/>`;
    const disks = disksOf({ drives: [drive({ file: nasty }), drive({ file: '/dev/sdz' }, { kind: 'block-device' })] });
    expect(disks.map((disk) => child(disk, 'source')?.attributes)).toEqual([
      { file: nasty },
      { dev: '/dev/sdz' },
      { file: '/o/root.qcow2' },
    ]);
    expect(disks.map((disk) => child(disk, 'target')?.attributes['dev'])).toEqual(['sda', 'sdb', 'sdc']);
    expect(disks.every((disk) => children(disk, 'source').length === 1)).toBe(true);
  });

  test('passes on what a drive asks for', () => {
    const [disk] = disksOf({
      drives: [drive({ label: 'data', blocksize: 4096, cachemode: 'unsafe', discard: 'enable', copyonread: true })],
    });
    expect(child(disk, 'driver')?.attributes).toEqual({
      name: 'qemu',
      type: 'raw',
      cache: 'unsafe',
      error_policy: 'stop',
      rerror_policy: 'report',
      discard: 'unmap',
      copy_on_read: 'on',
    });
    expect(child(disk, 'serial')?.text).toBe('data');
    expect(child(disk, 'blockio')?.attributes['logical_block_size']).toBe('4096');
  });

  test('names the whole chain of an overlay, so that nothing is guessed from its content', () => {
    const overlay = { path: '/o/d.qcow2', backing: '/a', backingFormat: 'raw' };
    const [disk] = disksOf({
      drives: [drive({ readonly: true }, { overlay })],
      labels: { label: 'l', imagelabel: 'i' },
    });
    const chain = child(disk, 'backingStore');
    expect(child(chain, 'format')?.attributes['type']).toBe('raw');
    expect(child(child(chain, 'source'), 'seclabel')?.attributes).toEqual({ model: 'selinux', relabel: 'no' });
    expect(child(chain, 'backingStore')?.children).toEqual([]);
  });

  test('takes network disks, but no logins', () => {
    const network = { kind: 'network' } as const;
    const [disk] = disksOf({
      drives: [
        drive({ file: 'exp', protocol: 'nbd', servers: ['unix:/s'] }, network),
        drive({ file: 'e', protocol: 'nbd', servers: ['h:1'] }, network),
      ],
    });
    expect(child(child(disk, 'source'), 'host')?.attributes).toEqual({ transport: 'unix', socket: '/s' });
    const login = drive({ file: 'p/i', protocol: 'rbd', secret: 'x' }, network);
    expect(() => machineXml(machine({ drives: [login] }))).toThrow(
      expect.objectContaining({ code: 'ERR_GUESTFS_UNSUPPORTED' }),
    );
  });

  test('adds labels, a network and qemu’s parameters where they are wanted', () => {
    const config = {
      memsize: 512,
      smp: 2,
      network: true,
      hv: '/q',
      qemuParameters: [
        ['-cpu', 'max'],
        ['-S', null],
      ] as const,
    };
    const root = parseXml(machineXml(machine({ config, labels: { label: 'l', imagelabel: 'i' } })));
    expect(child(child(root, 'seclabel'), 'imagelabel')?.text).toBe('i');
    expect(child(child(root, 'devices'), 'emulator')?.text).toBe('/q');
    expect(children(child(root, 'devices'), 'interface')).toHaveLength(1);
    expect(child(root, 'qemu:commandline')?.children.map(({ attributes }) => attributes['value'])).toEqual([
      '-cpu',
      'max',
      '-S',
    ]);
  });
});
