import { describe, expect, test } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { channelOfDomain, drivesOfDomain, findDomain, LibvirtCredentials, Virsh } from '@guestfs/attach/internal';
import { testDomain, TestDriverHost } from './test-driver.js';

const disk = (attributes: string, target: string, inside = ''): string =>
  `<disk ${attributes} device='disk'>${inside}<target dev='${target}' bus='virtio'/></disk>`;
const PLAIN = disk(
  `type='file'`,
  'vda',
  `<driver name='qemu' type='qcow2'/><source file='/vm/a &amp; b, &quot;c&quot;.qcow2'/>`,
);
const CHANNEL = `<channel type='unix'><source mode='bind' path='/run/vm/g.sock'/><target type='virtio' name='org.libguestfs.channel.0'/></channel>`;

describe('domains of libvirt’s test driver', () => {
  test('disks of many kinds become drives', async () => {
    const devices = [
      PLAIN,
      disk(`type='block'`, 'vdb', `<source dev='/dev/vg/lv'/><readonly/>`),
      disk(
        `type='network'`,
        'vdc',
        `<driver name='qemu' type='raw'/><source protocol='nbd' name='exp'><host name='localhost' port='10809'/></source>`,
      ),
      disk(`type='network'`, 'vdd', `<source protocol='nbd'><host transport='unix' socket='/run/nbd'/></source>`),
      disk(
        `type='file'`,
        'vde',
        `<source file='/e'><seclabel model='selinux' relabel='no'/></source><blockio logical_block_size='4096'/>`,
      ),
      `<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>`,
    ];
    await using host = await TestDriverHost.create(testDomain('web', devices.join(''), 5));
    const virsh = host.virsh();
    const domain = await findDomain(virsh, 'web');
    expect(domain.active).toBe(false);
    expect(await drivesOfDomain(virsh, domain, {})).toEqual([
      { file: '/vm/a & b, "c".qcow2', format: 'qcow2', readonly: false },
      { file: '/dev/vg/lv', readonly: false },
      { file: 'exp', protocol: 'nbd', servers: ['localhost:10809'], format: 'raw', readonly: false },
      { file: '', protocol: 'nbd', servers: ['unix:/run/nbd'], readonly: false },
      { file: '/e', blocksize: 4096, readonly: false },
    ]);
  });

  test('the disk of a pool is asked for', async () => {
    const pool = `<pool type='dir'><name>images</name><target><path>/vm/images</path></target>
      <volume><name>root.img</name><capacity>1000000</capacity><target><path>/vm/images/root.img</path></target></volume></pool>`;
    const devices = disk(
      `type='volume'`,
      'vda',
      `<driver name='qemu' type='raw'/><source pool='images' volume='root.img'/>`,
    );
    await using host = await TestDriverHost.create(pool + testDomain('web', devices, 5));
    const virsh = host.virsh();
    const drives = await drivesOfDomain(virsh, await findDomain(virsh, 'web'), { readonly: true });
    expect(drives).toEqual([{ file: '/vm/images/root.img', format: 'raw', readonly: true }]);
  });

  test('a running domain is only read', async () => {
    await using host = await TestDriverHost.create(testDomain('web', PLAIN));
    const virsh = host.virsh();
    const domain = await findDomain(virsh, 'web');
    await expect(drivesOfDomain(virsh, domain, {})).rejects.toMatchObject({ code: 'ERR_GUESTFS_DOMAIN_RUNNING' });
    expect(await drivesOfDomain(virsh, domain, { readonly: true })).toHaveLength(1);
  });

  test('the channel of a running domain is found; one that is off, paused or without a channel is told apart', async () => {
    await using host = await TestDriverHost.create(
      testDomain('on', CHANNEL) +
        testDomain('off', CHANNEL, 5) +
        testDomain('paused', CHANNEL, 3) +
        testDomain('bare', PLAIN),
    );
    const virsh = host.virsh();
    const channel = async (name: string) => channelOfDomain(virsh, await findDomain(virsh, name));
    expect(await channel('on')).toBe('/run/vm/g.sock');
    await expect(channel('off')).rejects.toMatchObject({
      code: 'ERR_GUESTFS_DOMAIN_NOT_RUNNING',
      message: expect.stringContaining('shut off'),
    });
    await expect(channel('paused')).rejects.toMatchObject({
      code: 'ERR_GUESTFS_DOMAIN_NOT_RUNNING',
      message: expect.stringContaining('paused'),
    });
    await expect(channel('bare')).rejects.toMatchObject({
      code: 'ERR_GUESTFS_DOMAIN_NO_CHANNEL',
      hint: expect.stringContaining('org.libguestfs.channel.0'),
    });
  });

  test('a domain is found by its name, whatever the name looks like, and by UUID only when that is allowed', async () => {
    // virsh would take "1" for the domain with the id 1, which is the first.
    await using host = await TestDriverHost.create(
      testDomain('first', PLAIN) + testDomain('1', CHANNEL) + testDomain('--help', CHANNEL),
    );
    const virsh = host.virsh();
    expect((await findDomain(virsh, '1')).name).toBe('1');
    expect((await findDomain(virsh, '--help')).name).toBe('--help');
    const { uuid } = await findDomain(virsh, 'first');
    await expect(findDomain(virsh, uuid)).rejects.toMatchObject({ code: 'ERR_GUESTFS_DOMAIN_NOT_FOUND' });
    expect((await findDomain(virsh, uuid.toUpperCase(), true)).name).toBe('first');
    await expect(findDomain(virsh, 'nowhere')).rejects.toMatchObject({ code: 'ERR_GUESTFS_DOMAIN_NOT_FOUND' });
    for (const name of ['', 'a\nb', 'a/b']) {
      await expect(findDomain(virsh, name)).rejects.toMatchObject({ code: 'ERR_GUESTFS_ARGUMENT' });
    }
  });
});

describe('a connection that asks for a password', () => {
  const AUTH = `<auth><user password="se#cret =1">bob</user></auth>`;

  test('gets it from the handler, once, and leaves no file behind', async () => {
    await using host = await TestDriverHost.create(AUTH + testDomain('web', PLAIN, 5));
    const credentials = new LibvirtCredentials();
    credentials.setSupported(['username', 'passphrase']);
    const events: string[] = [];
    const virsh = host.virsh({
      authenticate: (uri, requests) =>
        credentials.ask(requests, () => {
          events.push(uri);
          expect(credentials.requested()).toEqual(['username', 'passphrase']);
          expect(credentials.prompt(0)).toMatch(/username/);
          credentials.answer(0, Buffer.from('bob'));
          credentials.answer(1, Buffer.from('se#cret =1'));
        }),
    });
    const domain = await findDomain(virsh, 'web');
    expect(await drivesOfDomain(virsh, domain, {})).toHaveLength(1);
    expect(events).toEqual([host.uri]);
    expect(await readdir(host.folder)).toEqual(['host.xml']);
  });

  test('is refused without an answer and with a wrong one', async () => {
    await using host = await TestDriverHost.create(AUTH + testDomain('web', PLAIN));
    await expect(findDomain(host.virsh(), 'web')).rejects.toMatchObject({
      code: 'ERR_GUESTFS_LIBVIRT_ACCESS',
      hint: expect.stringContaining('setLibvirtSupportedCredentials'),
    });
    const wrong = host.virsh({
      authenticate: () =>
        new Map([
          ['username', Buffer.from('bob')],
          ['passphrase', Buffer.from('guess')],
        ]),
    });
    await expect(findDomain(wrong, 'web')).rejects.toMatchObject({
      code: 'ERR_GUESTFS_LIBVIRT_ACCESS',
      hint: expect.stringContaining('correct'),
    });
  });
});

describe('libvirt itself', () => {
  test('a URI that leads nowhere is told apart from a missing domain', async () => {
    const virsh = new Virsh({ uri: 'qemu+unix:///session?socket=/nowhere/libvirt-sock', tmpdir: '/tmp' });
    await expect(findDomain(virsh, 'web')).rejects.toMatchObject({
      code: 'ERR_GUESTFS_LIBVIRT',
      message: expect.stringContaining('/nowhere'),
    });
    await expect(findDomain(new Virsh({ uri: 'garbage://x', tmpdir: '/tmp' }), 'web')).rejects.toMatchObject({
      code: 'ERR_GUESTFS_LIBVIRT',
    });
  });

  test('without virsh the mend is told', async () => {
    const { PATH } = process.env;
    process.env['PATH'] = '/nowhere';
    try {
      await expect(new Virsh({ tmpdir: '/tmp' }).run(['list'])).rejects.toMatchObject({
        code: 'ERR_GUESTFS_LIBVIRT_NOT_FOUND',
        hint: expect.stringContaining('libvirt-clients'),
      });
    } finally {
      process.env['PATH'] = PATH;
    }
  });

  test('a launch that is given up ends virsh', async () => {
    const controller = new AbortController();
    await using host = await TestDriverHost.create(testDomain('web', PLAIN));
    const running = host.virsh({ signal: controller.signal }).run(['event', '--loop', '--all']);
    setTimeout(() => controller.abort(new Error('enough')), 100);
    await expect(running).rejects.toThrow('enough');
  });
});
