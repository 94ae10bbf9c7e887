import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, open, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, jest, test } from '@jest/globals';
import { GUESTFS_EVENT, Guestfs, readEvents, recordEvents } from 'guestfs';
import type { GuestfsOptions, Progress } from 'guestfs';
import { listenEveryWay, plainEvent, turn } from '../support/every-way.js';
import type { EveryWay } from '../support/every-way.js';
import { nativeDaemonMissing, startNativeDaemon } from '../support/native-daemon.js';
import type { NativeDaemon } from '../support/native-daemon.js';
import { testDomain, TestDriverHost } from './libvirt/test-driver.js';

// The daemon sends the first progress message of a call after two seconds.
jest.setTimeout(60_000);

const missing = nativeDaemonMissing();

interface Watched {
  readonly g: Guestfs;
  readonly daemon: NativeDaemon;
  readonly seen: EveryWay;
}

/** Runs a test with a launched handle all of whose events are seen; closes it at the end. */
async function watched(body: (all: Watched) => Promise<void>, options: GuestfsOptions = {}): Promise<EveryWay> {
  await using daemon = await startNativeDaemon();
  const g = new Guestfs({ environment: {}, autosync: false, ...options, backend: `unix:${daemon.socket}` });
  const seen = listenEveryWay(g);
  try {
    await g.launch();
    await body({ g, daemon, seen });
  } finally {
    await g.close();
  }
  await seen.ended;
  return seen;
}

/** Copies a pipe for as long as messages are wanted: the daemon cannot know how long that takes, so it pulses. */
async function copyOfPipe(g: Guestfs, folder: string, pulses: number): Promise<Progress[]> {
  const pipe = join(folder, 'pipe');
  await promisify(execFile)('mkfifo', [pipe]);
  const copy = g.cp(pipe, join(folder, 'copy'));
  const messages: Progress[] = [];
  const writer = await open(pipe, 'w');
  for await (const progress of copy.progress()) {
    messages.push(progress);
    if (messages.length === pulses) await writer.close();
  }
  await copy;
  return messages;
}

(missing === null ? describe : describe.skip)(`events of a daemon${missing === null ? '' : `: ${missing}`}`, () => {
  test('close, subprocessQuit, launchDone, enter, trace and library fire in every way', async () => {
    const seen = await watched(({ g }) => g.pingDaemon(), { trace: true });
    expect(seen.byMask.map(({ type }) => type)).toEqual(seen.byChannel.map(({ type }) => type));
    expect(seen.byMask.map(({ type }) => type)).toEqual(seen.byIterator.map(({ type }) => type));
    expect(seen.of('launchDone')).toHaveLength(1);
    expect(seen.of('enter').map(({ operation }) => operation)).toEqual(['launch', 'pingDaemon']);
    expect(seen.of('trace').map(({ text }) => text)).toEqual([
      'launch',
      'launch = 0',
      'ping_daemon',
      'ping_daemon = 0',
      'close',
    ]);
    expect(seen.of('subprocessQuit')).toMatchObject([{ expected: true, reason: 'closed from here' }]);
    expect(seen.of('close')).toHaveLength(1);
    const lines = seen.of('library').map(({ text }) => text);
    const phases = lines.filter((line) => line.startsWith('launch: '));
    const names = ['start', 'applianceBuilt', 'kernelUp', 'initRunning', 'ready'];
    expect(phases.map((line) => line.replace(/\d+\.\d{3}/, 'N'))).toEqual(
      names.map((name) => `launch: ${name} after N s`),
    );
  });

  test('closing traces, syncs, ends the connection and sends the close event last', async () => {
    const seen = await watched(({ g }) => g.pingDaemon(), { trace: true, autosync: true });
    const order = seen.byMask.map((event) => (event.type === 'trace' ? event.text : event.type));
    expect(order.slice(order.indexOf('close')).filter((what) => what !== 'library')).toEqual([
      'close',
      'subprocessQuit',
      'close',
    ]);
  });

  test('temporary disks are there until the close event, and gone when closing is done', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'guestfs-events-'));
    try {
      const g = new Guestfs({ environment: {}, tmpdir: folder });
      g.addDriveScratch(1024 * 1024);
      let atClose: string[] = [];
      g.on('close', () => (atClose = readdirSync(folder)));
      await g.close();
      expect(atClose).toHaveLength(1);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('a daemon that dies is told apart from one that was ended', async () => {
    const seen = await watched(async ({ g, daemon }) => {
      const quit = new Promise((resolve) => g.once('subprocessQuit', resolve));
      daemon.kill();
      await quit;
      expect(g.isConfig()).toBe(true);
      await expect(g.pingDaemon()).rejects.toMatchObject({ code: 'ERR_GUESTFS_STATE' });
    });
    expect(seen.of('subprocessQuit')).toMatchObject([{ expected: false, reason: expect.stringContaining('was lost') }]);
  });

  test('the launch tells 0, 3, 6, 9 and 12 of 12, with the name of each phase, to its operation too', async () => {
    await using daemon = await startNativeDaemon();
    await using g = new Guestfs({ environment: {}, autosync: false, backend: `unix:${daemon.socket}` });
    const seen = listenEveryWay(g);
    const messages: Progress[] = [];
    const launch = g.launch({ onProgress: (progress) => messages.push(progress) });
    // From the first moment.
    expect(seen.byMask.find(({ type }) => type === 'progress')).toMatchObject({
      position: 0n,
      total: 12n,
      phase: 'start',
    });
    const first = await launch.progress().next();
    expect(first.value).toMatchObject({ operation: 'launch', position: 0n, total: 12n, fraction: 0 });
    await launch;
    await turn();
    const expected = [
      [0n, 'start'],
      [3n, 'applianceBuilt'],
      [6n, 'kernelUp'],
      [9n, 'initRunning'],
      [12n, 'ready'],
    ];
    expect(messages.map(({ position, phase }) => [position, phase])).toEqual(expected);
    expect(seen.of('progress').map(({ position, phase }) => [position, phase])).toEqual(expected);
    expect(seen.of('progress').map(({ array }) => array)).toEqual(
      expected.map(([position]) => [0n, 0n, position, 12n]),
    );
  });

  test('pulses of a copy fire in every way, and end with 1 of 1', async () => {
    let messages: Progress[] = [];
    const seen = await watched(async ({ g, daemon }) => void (messages = await copyOfPipe(g, daemon.folder, 3)));
    const events = seen.of('progress').filter(({ operation }) => operation === 'cp');
    expect(events.length).toBeGreaterThanOrEqual(4);
    for (const event of events.slice(0, -1)) {
      expect(event).toMatchObject({ position: 0n, total: 1n, fraction: null, pulse: true, done: false });
    }
    expect(events.at(-1)).toMatchObject({ position: 1n, total: 1n, fraction: 1, pulse: false, done: true });
    expect(messages.at(-1)).toMatchObject({ operation: 'cp', done: true });
    expect(messages.slice(0, 3).every(({ pulse }) => pulse)).toBe(true);
  });

  test('a download to a slow target tells how far it is, up to its total, before it settles', async () => {
    const size = 24n * 1024n * 1024n;
    const messages: Progress[] = [];
    const seen = await watched(async ({ g, daemon, seen: soFar }) => {
      const file = join(daemon.folder, 'file');
      await (await open(file, 'w')).close();
      await truncate(file, Number(size));
      let slowUntil = 0;
      const target = new Writable({
        highWaterMark: 64 * 1024,
        write(_bytes, _encoding, done) {
          slowUntil ||= Date.now() + 2_600;
          setTimeout(done, Date.now() < slowUntil ? 20 : 0);
        },
      });
      await g.download(file, target, { onProgress: (progress) => messages.push(progress) });
      const atEnd = soFar.byMask.filter(({ type }) => type === 'progress').at(-1);
      expect(atEnd).toMatchObject({ operation: 'download', position: size, done: true });
    });
    const events = seen.of('progress').filter(({ operation }) => operation === 'download');
    expect(events.length).toBeGreaterThan(1);
    expect(events.map(({ position }) => position)).toEqual(messages.map(({ position }) => position));
    for (const event of events) expect(event).toMatchObject({ total: size, pulse: false });
    expect(events[0]?.fraction).toBeLessThan(1);
    const positions = events.map(({ position }) => position);
    expect(positions).toEqual([...positions].sort((a, b) => Number(a - b)));
  });

  test('a call that fails ends its progress without a last message', async () => {
    await watched(async ({ g }) => {
      const call = g.cp('/nowhere/at/all', '/nowhere/else');
      await expect(call.progress().next()).rejects.toMatchObject({ operation: 'cp' });
      await expect(call).rejects.toMatchObject({ operation: 'cp' });
    });
  });

  test('a listener that fails is told by a warning, in every way, and stops nobody', async () => {
    const seen = await watched(async ({ g }) => {
      g.on('enter', () => {
        throw new Error('first');
      });
      g.on('enter', () => Promise.reject(new Error('second')));
      await g.pingDaemon();
      await turn();
    });
    const warnings = seen.of('warning');
    expect(warnings.map(({ text }) => text)).toEqual([
      'a listener of enter events failed: first',
      'a listener of enter events failed: second',
    ]);
    expect(warnings[0]?.cause).toMatchObject({ message: 'first' });
  });

  test('libvirtAuth fires in every way where libvirt asks, and its handler answers', async () => {
    const auth = '<auth><user password="secret">bob</user></auth>';
    await using host = await TestDriverHost.create(
      auth +
        testDomain('web', '<disk type="file" device="disk"><source file="/nowhere.img"/><target dev="vda"/></disk>', 5),
    );
    await using g = new Guestfs({ environment: {}, trace: true });
    const seen = listenEveryWay(g);
    g.setLibvirtSupportedCredentials(['username', 'passphrase']);
    g.on('libvirtAuth', () => {
      expect(g.getLibvirtRequestedCredentials()).toEqual(['username', 'passphrase']);
      g.setLibvirtRequestedCredential(0, Buffer.from('bob'));
      g.setLibvirtRequestedCredential(1, Buffer.from('secret'));
    });
    // The domain's disk does not exist, which shows only after libvirt was satisfied.
    const outcome = await g.addDomain('web', { libvirturi: host.uri }).then(String, (error: Error) => error.message);
    expect(outcome).not.toMatch(/authentication/i);
    await turn();
    expect(seen.of('libvirtAuth').map(({ uri, text }) => [uri, text])).toEqual([[host.uri, host.uri]]);
    const traced = seen.of('trace').map(({ text }) => text);
    expect(traced).toContain('set_libvirt_requested_credential 0 "***"');
    expect(traced.join()).not.toContain('secret');
    const commands = seen.of('library').map(({ text }) => text);
    expect(commands).toContainEqual(expect.stringMatching(/^run \/\S*virsh .*dumpxml/));
    expect(commands).toContainEqual(expect.stringMatching(/^\/\S*virsh exited with status \d+ after \d+\.\d{3} s$/));
  });

  test('trace lines show arguments, options, results and failures, and hide keys', async () => {
    const seen = await watched(
      async ({ g, daemon }) => {
        await g.mkdirMode(join(daemon.folder, 'new'), 0o700);
        await g.exists(daemon.folder).catch(() => undefined);
        await g.lstatns('/nowhere').catch(() => undefined);
        await g.luksOpen('/dev/nowhere', 'my passphrase', 'map').catch(() => undefined);
        await g.copyFileToFile('/nowhere/a', '/nowhere/b', { size: 5n }).catch(() => undefined);
      },
      { trace: true },
    );
    const lines = seen.of('trace').map(({ text }) => text);
    expect(lines).toContainEqual(expect.stringMatching(/^mkdir_mode "\/.*\/new" 448$/));
    expect(lines).toContain('mkdir_mode = 0');
    expect(lines).toContain('lstatns = NULL (error)');
    expect(lines).toContain('luks_open "/dev/nowhere" "***" "map"');
    expect(lines.join()).not.toContain('my passphrase');
    expect(lines).toContain('copy_file_to_file "/nowhere/a" "/nowhere/b" "size:5"');
  });

  test('what nobody listens to goes to stderr as the settings say', async () => {
    const written: string[] = [];
    const write = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    try {
      await using daemon = await startNativeDaemon();
      await using g = new Guestfs({ environment: {}, autosync: false, backend: `unix:${daemon.socket}` });
      await g.launch();
      await g.pingDaemon();
      expect(written).toEqual([]);
      g.setTrace(true);
      await g.pingDaemon();
      expect(written.splice(0)).toEqual(['libguestfs: trace: ping_daemon\n', 'libguestfs: trace: ping_daemon = 0\n']);
      g.setIdentifier('web_1');
      written.length = 0;
      await g.lstatns('/no\nwhere').catch(() => undefined);
      expect(written.splice(0)[0]).toBe('libguestfs: trace: web_1: lstatns "/no\\nwhere"\n');
      g.on('trace', () => undefined);
      await g.pingDaemon();
      expect(written).toEqual([]);
      g.on('enter', () => {
        throw new Error('broken\u001b');
      });
      await g.pingDaemon();
      expect(written.splice(0)).toEqual(['libguestfs: warning: a listener of enter events failed: broken\\x1b\n']);
      g.setVerbose(true);
      await g.shutdown();
      expect(written).toContain('libguestfs: the subprocess has gone: closed from here\n');
    } finally {
      write.mockRestore();
    }
  });

  test('registrations are served in their order, and a removed one no more', async () => {
    const order: string[] = [];
    const seen = await watched(async ({ g }) => {
      const first = g.setEventCallback(() => order.push('mask'), GUESTFS_EVENT.ENTER | GUESTFS_EVENT.TRACE);
      g.on('enter', () => order.push('channel'));
      const second = g.setEventCallback(() => order.push('all'), GUESTFS_EVENT.ALL);
      g.once('enter', () => order.push('once'));
      await g.pingDaemon();
      order.splice(order.indexOf('once') + 1);
      expect(order).toEqual(['mask', 'channel', 'all', 'once']);
      g.deleteEventCallback(first);
      g.deleteEventCallback(second);
      order.length = 0;
      await g.pingDaemon();
      expect(order).toEqual(['channel']);
      expect(g.setEventCallback(() => undefined, GUESTFS_EVENT.ENTER)).toBeGreaterThan(second);
    });
    expect(seen.of('enter')).toHaveLength(3);
  });

  test('listeners are gone after break, throw, abort and close', async () => {
    await using g = new Guestfs({ environment: {} });
    const events = (signal?: AbortSignal) => g.events('enter', { signal });
    const broken = events();
    g.getVerbose();
    for await (const _ of broken) break;
    expect(g.listenerCount('enter')).toBe(0);
    const thrown = events();
    g.getVerbose();
    await expect(
      (async () => {
        for await (const _ of thrown) throw new Error('out');
      })(),
    ).rejects.toThrow('out');
    expect(g.listenerCount('enter')).toBe(0);
    const controller = new AbortController();
    const aborted = events(controller.signal).next();
    controller.abort('enough');
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED', cause: 'enough' });
    expect(g.listenerCount('enter')).toBe(0);
    const closed = events();
    expect(g.listenerCount('enter')).toBe(1);
    await g.close();
    expect(await closed.next()).toEqual({ done: true, value: undefined });
    expect(g.listenerCount('enter')).toBe(0);
  });

  test('a recording of a session replays to the same sequence of events', async () => {
    await using daemon = await startNativeDaemon();
    const g = new Guestfs({ environment: {}, trace: true, backend: `unix:${daemon.socket}` });
    const seen = listenEveryWay(g);
    const file = join(daemon.folder, 'session.events');
    const recording = recordEvents(g, file);
    await g.launch();
    await copyOfPipe(g, daemon.folder, 1);
    await g.lstatns('/nowhere/\udcff').catch(() => undefined);
    g.once('enter', () => {
      throw new Error('a listener');
    });
    await g.pingDaemon();
    await g.close();
    await recording.stop();
    await seen.ended;
    const replayed = [];
    for await (const event of readEvents(file)) replayed.push(event);
    expect(replayed.map(plainEvent)).toEqual(seen.byMask.map(plainEvent));
    expect(new Set(replayed.map(({ type }) => type)).size).toBe(8);
  });

  test('the events of a handle whose reader is slow stay bounded, and the loss is told', async () => {
    await using g = new Guestfs({ environment: {} });
    const warned: string[] = [];
    g.on('warning', (event) => warned.push(event.text));
    const iterator = g.events('enter', { capacity: 10 });
    for (let i = 0; i < 100; i++) g.getVerbose();
    expect(iterator.dropped).toBe(90);
    for (let i = 0; i < 10; i++) await iterator.next();
    await delay(0);
    expect(warned).toEqual(['90 events were dropped: the reader of enter is slow']);
    await iterator.return();
  });
});
