import { describe, expect, test } from '@jest/globals';
import { Connection, memoryTransports } from '@guestfs/core';
import { FakeDaemon, rejection } from '../../support/fake-daemon.js';
import { NOTHING } from '../../support/procedures.js';
import { errorReply, LAUNCH_WORD, okReply } from '../../support/wire.js';

function ends(): { near: ReturnType<typeof memoryTransports>[0]; daemon: FakeDaemon } {
  const [near, far] = memoryTransports();
  return { near, daemon: new FakeDaemon(far) };
}

async function untilEnded(daemon: FakeDaemon): Promise<void> {
  for (let i = 0; i < 500 && !daemon.ended; i++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(daemon.ended).toBe(true);
}

describe('opening with the launch flag required', () => {
  test('waits for it, however it is split', async () => {
    const { near, daemon } = ends();
    const opening = Connection.open(near, { launchFlag: 'required', timeout: 5000 });
    for (const byte of LAUNCH_WORD) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      daemon.send(Buffer.from([byte]));
    }
    const connection = await opening;
    expect(connection.name).toBe('memory');
    expect(connection.ended).toBe(false);
  });

  test.each<[string, Buffer]>([
    ['a reply', okReply(92, 1)],
    ['a cancel flag', Buffer.from('ffffeeee', 'hex')],
    ['garbage', Buffer.from('SSH-2.0-OpenSSH')],
  ])('fails when %s comes first', async (_, bytes) => {
    const { near, daemon } = ends();
    daemon.send(bytes);
    const error = await rejection(Connection.open(near, { launchFlag: 'required' }));
    const code = error.code === 'ERR_GUESTFS_CONNECTION_LOST' ? (error.cause as { code: string }).code : error.code;
    expect(code).toBe('ERR_GUESTFS_PROTOCOL');
    await untilEnded(daemon);
  });

  test('fails after its time, and ends the transport', async () => {
    const { near, daemon } = ends();
    const opening = Connection.open(near, { launchFlag: 'required', timeout: 30 });
    expect(await rejection(opening)).toMatchObject({ code: 'ERR_GUESTFS_LAUNCH_TIMEOUT' });
    await untilEnded(daemon);
  });

  test('is given up by a signal, before and during', async () => {
    for (const early of [true, false]) {
      const { near, daemon } = ends();
      const controller = new AbortController();
      if (early) controller.abort('no');
      const opening = Connection.open(near, { launchFlag: 'required', signal: controller.signal });
      if (!early) setTimeout(() => controller.abort('no'), 5);
      expect(await rejection(opening)).toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'no' });
      await untilEnded(daemon);
    }
  });

  test('fails when the daemon goes away', async () => {
    const { near, daemon } = ends();
    daemon.send(LAUNCH_WORD.subarray(0, 3));
    void daemon.transport.close();
    const error = await rejection(Connection.open(near, { launchFlag: 'required' }));
    expect(error).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
  });

  test('leaves no listener on the signal', async () => {
    const { near, daemon } = ends();
    const controller = new AbortController();
    daemon.send(LAUNCH_WORD);
    const connection = await Connection.open(near, { launchFlag: 'required', signal: controller.signal, timeout: 50 });
    controller.abort();
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(connection.ended).toBe(false);
  });
});

describe('opening with a ping', () => {
  test.each([true, false])('works with the launch flag: %s', async (flag) => {
    const { near, daemon } = ends();
    if (flag) daemon.send(LAUNCH_WORD);
    const opening = Connection.open(near, { launchFlag: 'ping', timeout: 5000 });
    expect((await daemon.answer()).proc).toBe(92);
    const connection = await opening;
    const call = connection.call(NOTHING);
    await daemon.answer();
    await call;
  });

  test('fails when there is no answer in time', async () => {
    const { near } = ends();
    const opening = Connection.open(near, { launchFlag: 'ping', timeout: 30 });
    expect(await rejection(opening)).toMatchObject({ code: 'ERR_GUESTFS_LAUNCH_TIMEOUT' });
  });

  test('fails with the error of the daemon', async () => {
    const { near, daemon } = ends();
    const opening = rejection(Connection.open(near, { launchFlag: 'ping' }));
    const { serial } = await daemon.call();
    daemon.send(errorReply(92, serial, 'EIO', 'sick'));
    expect(await opening).toMatchObject({ code: 'EIO' });
    await untilEnded(daemon);
  });
});

describe('opening with no launch flag', () => {
  test('is done at once, and a flag that comes all the same is skipped', async () => {
    const { near, daemon } = ends();
    const connection = await Connection.open(near, { launchFlag: 'none' });
    daemon.send(LAUNCH_WORD);
    const call = connection.call(NOTHING);
    await daemon.answer();
    await call;
  });
});
