import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { commandLine, type Machine } from '../../src/appliance/boot/command-line.js';
import type { DriveConfig } from '../../src/appliance/config/config.js';
import type { PreparedDrive } from '../../src/appliance/drives/prepare.js';
import { fileSource, networkSource } from '../../src/appliance/drives/source.js';
import { formatOptions } from '../../src/appliance/qemu/options.js';
import { valuesOf, parseOptions, machineConfig } from './support.js';

function prepared(config: Partial<DriveConfig> & { file: string }): PreparedDrive {
  const drive = { readonly: false, ...config };
  return {
    config: drive,
    source: fileSource(drive.file, 'file', drive.readonly).options,
    format: drive.format,
    secret: null,
  };
}

function argumentsFor(
  drives: readonly PreparedDrive[],
  change: Partial<Machine['config']> = {},
  machine: Partial<Machine> = {},
): string[] {
  return commandLine({
    config: machineConfig(change),
    cpu: 'x86_64',
    accelerator: 'tcg',
    appliance: { kernel: '/c/kernel', initrd: '/c/initrd', root: '/c/root', rootUuid: 'u-u', rootFormat: 'raw' },
    drives,
    socket: '/tmp/guestfs-x/guestfsd.sock',
    monitor: '/tmp/guestfs-x/qmp.sock',
    term: 'xterm',
    ...machine,
  });
}

const HOSTILE = [
  '/a,b',
  '/nbd:x',
  '/json:{"driver":"null-co"}',
  '/a,file.driver=null-co',
  '/-drive',
  '/line\nbreak',
  '/☃,,=',
  '/ ',
];

describe('formatOptions', () => {
  test('is read back by the rules of qemu, whatever the values hold', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('file.filename', 'id', 'path'), fc.string({ unit: 'grapheme' }))),
        (options) => {
          expect(parseOptions(formatOptions(options))).toEqual(options);
        },
      ),
    );
  });
});

describe('commandLine', () => {
  test.each(HOSTILE)('gives qemu the file name %j whole, and nothing else', (file) => {
    const drive = parseOptions(valuesOf(argumentsFor([prepared({ file })]), '-drive')[0]!);
    expect(drive.filter(([key]) => key.startsWith('file.'))).toEqual([
      ['file.driver', 'file'],
      ['file.filename', file],
    ]);
  });

  test('keeps the drives in order and puts the root last', () => {
    const args = argumentsFor([prepared({ file: '/one' }), prepared({ file: '/two' })]);
    const files = valuesOf(args, '-drive').map((text) => new Map(parseOptions(text)).get('file.filename'));
    expect(files).toEqual(['/one', '/two', '/c/root']);
    const disks = valuesOf(args, '-device').filter((text) => text.startsWith('scsi-hd'));
    expect(disks).toEqual([
      'scsi-hd,bus=scsi.0,scsi-id=0,drive=hd0',
      'scsi-hd,bus=scsi.0,scsi-id=1,drive=hd1',
      'scsi-hd,bus=scsi.0,drive=appliance',
    ]);
  });

  test('never lets qemu write a read-only drive, nor the root', () => {
    const [drive, root] = valuesOf(
      argumentsFor([prepared({ file: '/ro', readonly: true, discard: 'besteffort' })]),
      '-drive',
    ).map((text) => new Map(parseOptions(text)));
    expect(drive!.get('snapshot')).toBe('on');
    expect(drive!.has('discard')).toBe(false);
    expect(drive!.get('file.locking')).toBe('off');
    expect(root!.get('snapshot')).toBe('on');
  });

  test('locks a drive that is written', () => {
    const drive = new Map(parseOptions(valuesOf(argumentsFor([prepared({ file: '/rw' })]), '-drive')[0]!));
    expect(drive.has('snapshot')).toBe(false);
    expect(drive.has('file.locking')).toBe(false);
    expect(drive.get('cache')).toBe('writeback');
  });

  test('turns the options of a drive into those of qemu', () => {
    const args = argumentsFor([
      prepared({
        file: '/f',
        format: 'raw',
        label: 'data',
        blocksize: 4096,
        cachemode: 'unsafe',
        discard: 'enable',
        copyonread: true,
      }),
    ]);
    const drive = new Map(parseOptions(valuesOf(args, '-drive')[0]!));
    expect(Object.fromEntries(drive)).toMatchObject({
      format: 'raw',
      cache: 'unsafe',
      discard: 'unmap',
      'copy-on-read': 'on',
    });
    expect(valuesOf(args, '-device')).toContain(
      'scsi-hd,bus=scsi.0,scsi-id=0,drive=hd0,serial=data,physical_block_size=4096,logical_block_size=4096',
    );
  });

  test('passes memory, processors, network, identifier and the user’s own parameters, those last', () => {
    const args = argumentsFor([], {
      memsize: 512,
      smp: 4,
      network: true,
      identifier: 'me',
      append: 'extra=1',
      qemuParameters: [
        ['-set', 'a.b.c=d'],
        ['-S', null],
      ],
    });
    expect(valuesOf(args, '-m')).toEqual(['512']);
    expect(valuesOf(args, '-smp')).toEqual(['4']);
    expect(valuesOf(args, '-netdev')).toEqual(['user,id=usernet,net=169.254.0.0/16']);
    expect(valuesOf(args, '-append')[0]).toMatch(
      /root=UUID=u-u .* guestfs_network=1 TERM=xterm guestfs_identifier=me extra=1$/,
    );
    expect(args.slice(-3)).toEqual(['-set', 'a.b.c=d', '-S']);
  });

  test('does not pass a terminal name that could carry kernel arguments', () => {
    expect(valuesOf(argumentsFor([], {}, { term: 'x init=/bin/sh' }), '-append')[0]).toContain('TERM=linux');
  });

  test('refuses a parameter that is no option', () => {
    expect(() => argumentsFor([], { qemuParameters: [['snapshot', null]] })).toThrow(/does not start with a dash/);
  });

  test('names the machine for its CPU and accelerator', () => {
    expect(valuesOf(argumentsFor([], {}, { accelerator: 'kvm' }), '-machine')).toEqual(['graphics=off,accel=kvm']);
    const arm = argumentsFor([], {}, { cpu: 'aarch64', accelerator: 'hvf' });
    expect(valuesOf(arm, '-machine')).toEqual(['virt,accel=hvf']);
    expect(valuesOf(arm, '-append')[0]).toContain('console=ttyAMA0');
  });

  test('leaves the root out where the initrd is the whole appliance', () => {
    const args = argumentsFor(
      [],
      {},
      { appliance: { kernel: '/k', initrd: '/i', root: null, rootUuid: null, rootFormat: 'raw' } },
    );
    expect(args.join(' ')).not.toMatch(/appliance|root=/);
  });
});

describe('networkSource', () => {
  const drive = (change: Partial<DriveConfig>): DriveConfig => ({ file: '/disk.img', readonly: false, ...change });
  const source = (change: Partial<DriveConfig>): Record<string, unknown> =>
    Object.fromEntries(networkSource(drive(change), 's0').options);

  test('nbd over TCP and over a unix socket', () => {
    expect(source({ protocol: 'nbd', file: 'ex,port', servers: ['h:1234'] })).toEqual({
      'file.driver': 'nbd',
      'file.server.type': 'inet',
      'file.server.host': 'h',
      'file.server.port': '1234',
      'file.export': 'ex,port',
    });
    expect(source({ protocol: 'nbd', file: '', servers: ['unix:/s'] })).toEqual({
      'file.driver': 'nbd',
      'file.server.type': 'unix',
      'file.server.path': '/s',
    });
  });

  test('http keeps the password out of the options', () => {
    const made = networkSource(
      drive({ protocol: 'https', file: '/a b?c', servers: ['[::1]:8443'], username: 'u', secret: 'pass' }),
      's0',
    );
    expect(Object.fromEntries(made.options)).toEqual({
      'file.driver': 'https',
      'file.url': 'https://[::1]:8443/a%20b%3Fc',
      'file.username': 'u',
      'file.password-secret': 's0',
    });
    expect(made.secret).toEqual({ id: 's0', content: 'pass', encoding: 'raw' });
    expect(JSON.stringify(made.options)).not.toContain('pass"');
  });

  test('iscsi, rbd and ssh', () => {
    expect(source({ protocol: 'iscsi', file: 'iqn.x:y/3', servers: ['h'] })).toMatchObject({
      'file.portal': 'h:3260',
      'file.target': 'iqn.x:y',
      'file.lun': '3',
    });
    expect(source({ protocol: 'rbd', file: 'pool/image', servers: ['m1:6789', 'm2:6789'] })).toMatchObject({
      'file.pool': 'pool',
      'file.image': 'image',
      'file.server.1.host': 'm2',
      'file.auth-client-required.0': 'none',
    });
    expect(source({ protocol: 'ssh', servers: ['h'], username: 'me' })).toMatchObject({
      'file.server.port': '22',
      'file.path': '/disk.img',
      'file.user': 'me',
    });
  });
});
