import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Guestfs } from 'guestfs';
import { testDomain, TestDriverHost } from '../native/libvirt/test-driver.js';
import { startLiveGuest, type LiveGuest } from '../support/live-guest.js';

describe('a live guest', () => {
  let guest: LiveGuest;
  let host: TestDriverHost;
  beforeAll(async () => {
    guest = await startLiveGuest();
    const channel = `<channel type='unix'><source mode='bind' path='${guest.socket}'/><target type='virtio' name='org.libguestfs.channel.0'/></channel>`;
    host = await TestDriverHost.create(testDomain('live', channel));
  }, 200_000);
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await guest[Symbol.asyncDispose]();
  });

  async function attach(): Promise<Guestfs> {
    const g = new Guestfs();
    g.setBackendSettings(['attach_timeout=60']);
    expect(await g.addDomain('live', { live: true, libvirturi: host.uri })).toBe(0);
    expect(g.getBackend()).toBe(`unix:${guest.socket}`);
    await g.launch();
    return g;
  }

  test('two clients, one after the other, write and read its files', async () => {
    const data = Buffer.alloc(3_000_000, 'live');
    const first = await attach();
    await first.mkdirP('/srv/app');
    await first.write('/srv/app/config', 'written from outside');
    await first.upload(data, '/srv/app/data');
    await first.close();

    await using second = await attach();
    expect((await second.readFile('/srv/app/config')).toString()).toBe('written from outside');
    const parts: Uint8Array[] = [];
    for await (const part of second.download('/srv/app/data')) parts.push(part);
    expect(Buffer.concat(parts).equals(data)).toBe(true);
    expect(guest.running()).toBe(true);
  }, 120_000);

  test('while one is attached, another is told so within its deadline', async () => {
    await using first = await attach();
    await using second = new Guestfs();
    second.setBackend(`unix:${guest.socket}`);
    second.setBackendSettings(['attach_timeout=2']);
    await expect(second.launch()).rejects.toMatchObject({
      code: 'ERR_GUESTFS_ATTACH',
      hint: expect.stringContaining('one client at a time'),
    });
    await first.pingDaemon();
  }, 120_000);

  test('after a client that died in the middle of a download, the next one is in step', async () => {
    const dying = await attach();
    await dying.upload(Buffer.alloc(8_000_000, 'x'), '/srv/large');
    const download = dying.download('/srv/large');
    for await (const _ of download) break;
    const half = connect(guest.socket);
    half.on('error', () => undefined);
    await dying.close();
    half.write(Buffer.from('000000282000f5f5', 'hex'));
    half.destroy();
    await using next = await attach();
    expect(await next.filesize('/srv/large')).toBe(8_000_000n);
  }, 120_000);

  test('a client that goes without a word leaves the guest running for the next', async () => {
    const socket = connect(guest.socket);
    // With or without a launch flag: one that the daemon sends while nobody listens is lost.
    await Promise.race([once(socket, 'data'), delay(1_000)]);
    socket.destroy();
    await using g = await attach();
    await g.write('/srv/again', 'x');
    expect(guest.running()).toBe(true);
  }, 120_000);

  test('the guest going away is a subprocess that quit', async () => {
    await using g = await attach();
    const quits: { expected: boolean; reason: string }[] = [];
    g.on('subprocessQuit', ({ expected, reason }) => quits.push({ expected, reason }));
    const endless = (async function* () {
      for (;;) {
        await delay(10);
        yield Buffer.alloc(100);
      }
    })();
    const call = g.upload(endless, '/srv/endless');
    setTimeout(() => process.kill(guest.pid, 'SIGKILL'), 300);
    await expect(call).rejects.toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
    while (quits.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(quits).toEqual([{ expected: false, reason: expect.any(String) }]);
    expect(g.isConfig()).toBe(true);
  }, 120_000);
});
