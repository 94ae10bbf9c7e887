import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Guestfs, readEvents, recordEvents } from 'guestfs';
import type { Operation, Progress } from 'guestfs';
import { CLASSES, listenEveryWay, plainEvent, turn } from '../support/every-way.js';
import type { EveryWay } from '../support/every-way.js';

// Under software emulation on a busy machine a boot may take minutes.
jest.setTimeout(900_000);

const GIB = 2n ** 30n;

describe('events of an appliance', () => {
  let g: Guestfs;
  let seen: EveryWay;
  let folder: string;
  let recording: ReturnType<typeof recordEvents>;
  let launched: Progress[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'guestfs-events-'));
    // Without it the kernel and the daemon are silent, and there may be no appliance events.
    g = new Guestfs({ trace: true, verbose: true });
    seen = listenEveryWay(g);
    recording = recordEvents(g, join(folder, 'session.events'));
    g.addDriveScratch(64n * GIB);
    g.addDriveScratch(64n * GIB);
    const launch = g.launch();
    launched = [];
    for await (const progress of launch.progress()) launched.push(progress);
    await launch;
    await g.mkfs('ext2', '/dev/sda', { blocksize: 4096 });
    await g.mount('/dev/sda', '/');
  });

  afterAll(async () => {
    await g.close();
    await recording.stop();
    await rm(folder, { recursive: true });
  });

  /** Repeats a call over twice as much until it lasts long enough for the daemon to send messages. */
  async function longEnough(start: (size: bigint) => Operation<unknown>): Promise<Progress[]> {
    for (let size = GIB / 16n; ; size *= 2n) {
      const messages: Progress[] = [];
      let settled = false;
      const operation = start(size);
      const watching = (async () => {
        for await (const progress of operation.progress()) messages.push(progress);
      })();
      operation.then(
        () => (settled = true),
        () => undefined,
      );
      const stop = g.setEventCallback(() => expect(settled).toBe(false), 0x8);
      await operation;
      g.deleteEventCallback(stop);
      await watching;
      if (messages.length > 0 || size >= 32n * GIB) return messages;
    }
  }

  test('the launch tells each phase in its order', async () => {
    const told = seen.of('progress').filter(({ operation }) => operation === 'launch');
    expect(told.map(({ position, phase }) => [position, phase])).toEqual([
      [0n, 'start'],
      [3n, 'applianceBuilt'],
      [6n, 'kernelUp'],
      [9n, 'initRunning'],
      [12n, 'ready'],
    ]);
    expect(launched[0]).toMatchObject({ position: 0n, phase: 'start' });
    expect(launched.at(-1)).toMatchObject({ position: 12n, phase: 'ready', done: true });
  });

  test('a copy from device to device tells how far it is, up to its total', async () => {
    const messages = await longEnough((size) => g.copyDeviceToDevice('/dev/sdb', '/dev/sdb', { size, sparse: true }));
    const { serial } = messages.at(-1) ?? { serial: -1 };
    const events = seen.of('progress').filter((event) => event.serial === serial && event.operation !== 'launch');
    expect(events.length).toBeGreaterThanOrEqual(2);
    for (const event of events) expect(event).toMatchObject({ operation: 'copyDeviceToDevice', pulse: false });
    const positions = events.map(({ position }) => position);
    expect(positions).toEqual([...positions].sort((a, b) => (a < b ? -1 : 1)));
    expect(events[0]?.fraction).toBeLessThan(1);
    expect(events.at(-1)).toMatchObject({ position: events.at(-1)?.total, fraction: 1, done: true });
    expect(events.filter(({ done }) => done)).toHaveLength(1);
    expect(messages.at(-1)).toMatchObject({ done: true });
  });

  test('a checksum pulses, and ends with 1 of 1', async () => {
    await g.touch('/big');
    const messages = await longEnough((size) => {
      void g.truncateSize('/big', size);
      return g.checksum('sha512', '/big');
    });
    const { serial } = messages.at(-1) ?? { serial: -1 };
    const events = seen.of('progress').filter((event) => event.serial === serial && event.operation !== 'launch');
    expect(events.length).toBeGreaterThanOrEqual(2);
    for (const event of events.slice(0, -1)) {
      expect(event).toMatchObject({ operation: 'checksum', position: 0n, total: 1n, fraction: null, pulse: true });
    }
    expect(events.at(-1)).toMatchObject({ position: 1n, total: 1n, fraction: 1, pulse: false, done: true });
  });

  test('the library tells its commands and the phases with their times', () => {
    const lines = seen.of('library').map(({ text }) => text);
    const started = lines.filter((line) => line.startsWith('run '));
    expect(started.some((line) => line.includes('supermin'))).toBe(true);
    expect(started.some((line) => line.includes('qemu-system') && line.includes('org.libguestfs.channel.0'))).toBe(
      true,
    );
    expect(lines).toContainEqual(expect.stringMatching(/supermin exited with status 0 after \d+\.\d{3} s$/));
    expect(lines.filter((line) => /^launch: \w+ after \d+\.\d{3} s$/.test(line))).toHaveLength(5);
  });

  test('every class but libvirtAuth fires in every way, a crash is told apart, and a recording replays the session', async () => {
    g.once('enter', () => {
      throw new Error('a listener');
    });
    await g.listDevices();
    const quit = new Promise((resolve) => g.once('subprocessQuit', resolve));
    const hanging = g.checksumDevice('sha512', '/dev/sda');
    process.kill(g.getPid(), 'SIGKILL');
    await expect(hanging).rejects.toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST', operation: 'checksumDevice' });
    expect(g.isConfig()).toBe(true);
    await quit;
    await g.close();
    await seen.ended;
    for (const name of CLASSES.filter((each) => each !== 'libvirtAuth')) {
      expect([name, seen.of(name).length > 0]).toEqual([name, true]);
    }
    const console = Buffer.concat(seen.of('appliance').map(({ buffer }) => buffer)).toString('latin1');
    expect(console).toContain('Linux version');
    expect(console).toContain('guestfsd');
    expect(seen.of('subprocessQuit')).toMatchObject([{ expected: false, reason: 'qemu was killed by SIGKILL' }]);
    expect(seen.byMask.at(-1)?.type).toBe('close');
    expect(seen.byIterator.at(-1)?.type).toBe('close');
    await turn();
    await recording.stop();
    const replayed = [];
    for await (const event of readEvents(join(folder, 'session.events'))) replayed.push(event);
    expect(replayed.length).toBe(seen.byMask.length);
    expect(replayed.map(plainEvent)).toEqual(seen.byMask.map(plainEvent));
  });
});
