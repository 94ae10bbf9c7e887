import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { DriveConfig } from '../../../src/appliance/config/config.js';
import { MachineMonitor, type MachineControl } from '../../../src/appliance/monitor/monitor.js';
import type { DiskError, MachineEvent } from '../../../src/appliance/monitor/events.js';
import type { Connection } from '../../../src/protocol/connection/connection.js';
import { connectFake, rejection } from '../../support/fake-daemon.js';
import { NUMBER } from '../../support/procedures.js';
import { i32, okReply } from '../../support/wire.js';

const drives: DriveConfig[] = [{ file: '/images/a.img', readonly: false }];

const FULL: DiskError = { device: 'hd0', operation: 'write', action: 'stop', nospace: true, reason: '' };
const FAILED: MachineEvent = { kind: 'disk', error: FULL };

/** A monitor, and what it did with its machine. */
function monitor(control: Partial<MachineControl> = {}) {
  const did: string[] = [];
  const warnings: string[] = [];
  const monitor = new MachineMonitor({
    disks: { drives, overlays: '/var/tmp', overlaySetting: 'LIBGUESTFS_TMPDIR' },
    control: {
      resume: async () => did.push('resume'),
      runState: async () => 'paused',
      kill: () => did.push('kill'),
      close: () => did.push('close'),
      ...control,
    },
    warn: (line) => warnings.push(line),
    log: () => undefined,
  });
  const tell = (...events: (MachineEvent | 'stopped' | 'resumed' | 'reset' | 'panicked')[]): void =>
    events.forEach((event) => monitor.read(typeof event === 'string' ? { kind: event } : event));
  return { monitor, did, warnings, tell };
}

/** Lets everything that was answered be read. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

async function attached(control: Partial<MachineControl> = {}) {
  const { connection, daemon } = await connectFake();
  const watched = monitor(control);
  watched.monitor.attach(connection);
  return { ...watched, connection, daemon };
}

const call = (connection: Connection) => rejection(connection.call(NUMBER));

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('a machine that stops for a disk', () => {
  test('fails open calls, and is told to go on by the next', async () => {
    const { connection, daemon, did, warnings, tell } = await attached();
    const open = call(connection);
    tell(FAILED);
    expect(await open).toMatchObject({ code: 'ERR_GUESTFS_NO_SPACE' });
    tell('stopped');
    expect(did).toEqual([]);
    const { serial } = await daemon.call();
    expect(serial).toBe(1);
    const next = connection.call(NUMBER);
    expect(did).toEqual(['resume']);
    tell('resumed');
    daemon.send(okReply(2, serial, i32(1)));
    await daemon.answer(i32(5));
    expect(await next).toBe(5);
    expect(warnings).toHaveLength(1);
  });

  test('is told to go on only when it has stopped', async () => {
    const { connection, did, tell } = await attached();
    tell(FAILED);
    const early = call(connection);
    expect(did).toEqual([]);
    tell('stopped');
    expect(did).toEqual(['resume']);
    tell('resumed', FAILED, 'stopped');
    expect(await early).toMatchObject({ code: 'ERR_GUESTFS_NO_SPACE' });
  });

  test.each(['does not answer', 'refuses'])('and then %s fails the calls that wait', async (what) => {
    const resume = (): Promise<never> =>
      what === 'refuses' ? Promise.reject(new Error('no')) : new Promise<never>(() => undefined);
    const { connection, did, tell } = await attached({ resume });
    tell(FAILED, 'stopped');
    const waiting = call(connection);
    await settled();
    jest.advanceTimersByTime(10_000);
    expect(await waiting).toMatchObject({ code: 'ERR_GUESTFS_NO_SPACE' });
    expect(did).toEqual([]);
  });

  test('and never says that it stopped fails the calls that wait', async () => {
    const { connection, tell } = await attached();
    tell(FAILED);
    const waiting = call(connection);
    jest.advanceTimersByTime(10_000);
    expect(await waiting).toMatchObject({ code: 'ERR_GUESTFS_NO_SPACE' });
  });

  test('before anybody calls ends the launch, and fails the first call', async () => {
    const { monitor: watched, tell } = monitor();
    tell(FAILED, 'stopped');
    expect(await watched.stopped).toMatchObject({
      code: 'ERR_GUESTFS_NO_SPACE',
      hint: expect.stringContaining('launch'),
    });
    const { connection } = await connectFake();
    watched.attach(connection);
    expect(connection.stalled).toMatchObject({ code: 'ERR_GUESTFS_NO_SPACE' });
  });

  test('is told by the names of the disks that it has got since', async () => {
    const { monitor: watched, connection, tell } = await attached();
    watched.changeDisks([{ file: '/images/later.img', readonly: false }]);
    tell(FAILED);
    expect(connection.stalled?.reason).toContain('"/images/later.img" (/dev/sda)');
  });

  test('and one whose guest was told of it only warns, once for each error', async () => {
    const { connection, warnings, tell } = await attached();
    const read: MachineEvent = {
      kind: 'disk',
      error: { ...FULL, operation: 'read', action: 'report', nospace: false },
    };
    tell(read, read);
    expect(connection.stalled).toBeNull();
    expect(warnings).toEqual([expect.stringContaining('the appliance was told of an I/O error')]);
  });

  test('without a word of which is found out', async () => {
    const { connection, tell } = await attached({ runState: async () => 'io-error' });
    tell('stopped');
    await settled();
    expect(connection.stalled).toMatchObject({ code: 'EIO' });
  });
});

describe('a machine that somebody else stops', () => {
  test('is waited for, with a warning', async () => {
    const { connection, daemon, did, warnings, tell } = await attached();
    tell('stopped');
    await settled();
    expect(warnings).toEqual([expect.stringContaining('stopped from outside (paused)')]);
    const waiting = connection.call(NUMBER);
    tell('resumed');
    await daemon.answer(i32(5));
    expect(await waiting).toBe(5);
    expect(did).toEqual([]);
  });

  test('goes on when it is to be shut down, also where it is stopped after that', async () => {
    const { monitor: watched, did, tell } = await attached();
    tell('stopped');
    await settled();
    watched.keepRunning();
    expect(did).toEqual(['resume']);
    tell('resumed', 'stopped');
    await settled();
    expect(did).toEqual(['resume', 'resume']);
    tell('resumed');
    jest.advanceTimersByTime(60_000);
    expect(did).toEqual(['resume', 'resume']);
  });

  test('and that does not go on is ended', async () => {
    const { monitor: watched, did, tell } = await attached();
    tell('stopped');
    await settled();
    watched.keepRunning();
    jest.advanceTimersByTime(10_000);
    expect(did).toEqual(['resume', 'kill']);
    expect(watched.explainEnd('qemu was killed', '')).toContain('stopped from outside and cannot go on');
  });

  test('while it is started is no news', async () => {
    const { did, warnings, tell } = monitor();
    tell('stopped', 'resumed', 'reset');
    await settled();
    expect([did, warnings]).toEqual([[], []]);
  });

  test('before anybody calls, and still stands still then, is told of', async () => {
    const { monitor: watched, warnings, tell } = monitor();
    tell('stopped');
    const { connection } = await connectFake();
    watched.attach(connection);
    await settled();
    expect(warnings).toEqual([expect.stringContaining('stopped from outside')]);
  });

  test('and whose qemu is gone is told as what it is, an end', async () => {
    const { did, warnings, tell } = await attached({ runState: () => Promise.reject(new Error('gone')) });
    tell('stopped');
    await settled();
    expect([did, warnings]).toEqual([[], []]);
  });
});

describe('a machine that cannot go on', () => {
  test.each([
    ['internal-error', 'internal error'],
    ['guest-panicked', 'panicked'],
    ['watchdog', 'watchdog'],
    ['shutdown', 'shut down'],
  ])('in the state %s is ended', async (state, why) => {
    const { monitor: watched, did, tell } = await attached({ runState: async () => state });
    tell('stopped');
    await settled();
    expect(did).toEqual(['kill']);
    expect(watched.explainEnd('qemu was killed', '')).toContain(why);
  });

  test('since it was reset is ended', async () => {
    const { monitor: watched, did, tell } = await attached();
    tell('reset');
    expect(did).toEqual(['kill']);
    expect(watched.explainEnd('qemu was killed', '')).toContain('was reset');
  });

  test.each<[MachineEvent, story: string]>([
    [{ kind: 'panicked' }, 'the kernel of the appliance panicked (seen)'],
    [{ kind: 'watchdog', action: 'poweroff' }, 'the watchdog of the appliance expired (poweroff) (seen)'],
    [{ kind: 'shutdown', guest: false, reason: 'host-signal' }, 'a signal from outside told qemu to end (seen)'],
    [{ kind: 'shutdown', guest: true, reason: 'something new' }, 'seen'],
  ])('by %j is explained', async (event, story) => {
    const { monitor: watched } = await attached();
    watched.read(event);
    expect(watched.explainEnd('seen', 'some text')).toBe(story);
    expect(watched.explainEnd('seen', 'x\n[ 1.0] Kernel panic - not syncing: no init\r\ny')).toBe(
      'the kernel of the appliance panicked: no init (seen)',
    );
  });

  test('is not looked at any more when it is ended from here', async () => {
    const { monitor: watched, connection, did, warnings, tell } = await attached();
    watched.close();
    watched.close();
    tell(FAILED, 'stopped', 'panicked', 'reset');
    await settled();
    expect(connection.stalled).toBeNull();
    expect([did, warnings]).toEqual([['close'], []]);
  });

  test('is found where its events were missed', async () => {
    const { monitor: watched, did } = await attached({ runState: async () => 'guest-panicked' });
    await watched.look();
    await settled();
    expect(did).toEqual(['kill']);
  });
});
