import { describe, expect, test } from '@jest/globals';
import { readDomain } from '../../src/domain/domain.js';
import { drivesOfDomain, type DomainDrivesOptions } from '../../src/domain/drives.js';
import type { VirshCommands } from '../../src/domain/find.js';

/** Answers virsh's commands from a table; a command that is not in it fails the test. */
function virsh(answers: Record<string, string>): VirshCommands {
  return {
    uri: 'test:///default',
    run: (args) => {
      const answer = answers[args.join(' ')];
      return answer === undefined
        ? Promise.reject(new Error(`unexpected: ${args.join(' ')}`))
        : Promise.resolve(answer);
    },
  };
}

function drives(devices: string, options: DomainDrivesOptions = {}, answers: Record<string, string> = {}, id = '') {
  const domain = readDomain(`<domain ${id}><name>web</name><devices>${devices}</devices></domain>`);
  return drivesOfDomain(virsh(answers), domain, options);
}

const PLAIN = `<disk type='file'><driver type='qcow2'/><source file='/a'/><target dev='vda'/></disk>`;
const MARKED = `<disk type='file'><source file='/b'/><target dev='vdb'/><readonly/></disk>`;

describe('drivesOfDomain', () => {
  test('carries format, sector size and the options over', async () => {
    const xml = `<disk type='file'><driver type='raw'/><source file='/a'/><target dev='vda'/><blockio logical_block_size='4096'/></disk>`;
    expect(await drives(xml, { cachemode: 'unsafe', discard: 'enable', copyonread: true, iface: 'virtio' })).toEqual([
      {
        file: '/a',
        readonly: false,
        format: 'raw',
        blocksize: 4096,
        cachemode: 'unsafe',
        discard: 'enable',
        copyonread: true,
        iface: 'virtio',
      },
    ]);
  });

  test('opens a running domain only for reading', async () => {
    await expect(drives(PLAIN, {}, {}, `id='1'`)).rejects.toMatchObject({ code: 'ERR_GUESTFS_DOMAIN_RUNNING' });
    expect(await drives(PLAIN, { readonly: true }, {}, `id='1'`)).toEqual([
      { file: '/a', readonly: true, format: 'qcow2' },
    ]);
  });

  test.each([
    ['read', false, [false, true]],
    ['write', false, [false, false]],
    ['ignore', false, [false]],
    ['read', true, [true, true]],
    ['write', true, [true, true]],
    ['ignore', true, [true]],
    ['error', true, [true, true]],
  ])('treats disks marked read-only by readonlydisk=%s with readonly=%s', async (readonlydisk, readonly, expected) => {
    expect((await drives(PLAIN + MARKED, { readonlydisk, readonly })).map((drive) => drive.readonly)).toEqual(expected);
  });

  test('refuses a disk marked read-only with readonlydisk=error, and unknown values', async () => {
    await expect(drives(PLAIN + MARKED, { readonlydisk: 'error' })).rejects.toMatchObject({
      code: 'ERR_GUESTFS_DOMAIN',
    });
    await expect(drives(PLAIN, { readonlydisk: 'perhaps' })).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
  });

  test('refuses a domain without disks', async () => {
    await expect(drives('')).rejects.toMatchObject({ code: 'ERR_GUESTFS_DOMAIN' });
    await expect(drives(`<disk type='file' device='cdrom'><target dev='sda'/></disk>`)).rejects.toThrow(/no disks/);
    await expect(drives(MARKED, { readonlydisk: 'ignore' })).rejects.toThrow(/no disks/);
  });

  test('names the disk that cannot be opened', async () => {
    await expect(drives(PLAIN + `<disk type='nvme'><source/><target dev='vdx'/></disk>`)).rejects.toThrow(
      /vdx is of type nvme/,
    );
    await expect(
      drives(`<disk type='network'><source protocol='vxhs' name='n'/><target dev='vdy'/></disk>`),
    ).rejects.toThrow(/vdy.*vxhs/);
  });

  test('asks libvirt for the path of a volume', async () => {
    const xml = `<disk type='volume'><source pool='p' volume='v'/><target dev='vda'/></disk>`;
    const path = 'vol-path --pool p --vol v';
    const info = 'vol-info --pool p --vol v';
    expect(await drives(xml, {}, { [info]: 'Name: v\nType:           file\n', [path]: '/pool/a b\n\n' })).toEqual([
      { file: '/pool/a b', readonly: false },
    ]);
    await expect(drives(xml, {}, { [info]: 'Type: network\n' })).rejects.toThrow(/of type network/);
  });

  test('asks libvirt for secrets, by UUID or by usage; Ceph keeps its own in base64', async () => {
    const uuid = '8a3c8b1e-0d51-4c9f-9d0e-3c9c5d5e7a10';
    const disk = (protocol: string, secret: string): string =>
      `<disk type='network'><source protocol='${protocol}' name='n'><host name='h'/><auth username='u'>${secret}</auth></source><target dev='vda'/></disk>`;
    const answers = {
      [`secret-get-value --secret ${uuid}`]: 'c2VjcmV0\n',
      'secret-list': ` UUID   Usage\n-----\n ${uuid}   iscsi target1\n`,
    };
    expect((await drives(disk('iscsi', `<secret type='iscsi' usage='target1'/>`), {}, answers))[0]).toMatchObject({
      username: 'u',
      secret: 'secret',
      servers: ['h'],
    });
    expect((await drives(disk('rbd', `<secret type='ceph' uuid='${uuid}'/>`), {}, answers))[0]).toMatchObject({
      secret: 'c2VjcmV0',
    });
    await expect(drives(disk('iscsi', `<secret type='iscsi' usage='other'/>`), {}, answers)).rejects.toThrow(
      /no secret/,
    );
  });
});
