import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Guestfs, recordSession } from 'guestfs';
import { nativeDaemonMissing, startNativeDaemon } from '../../support/native-daemon.js';

const whenPossible = nativeDaemonMissing() === null ? describe : describe.skip;

whenPossible('a handle that lost its daemon', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'guestfs-relaunch-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Notes the events of a handle that tell of its state. */
  const listen = (g: Guestfs): string[] => {
    const events: string[] = [];
    g.on('launchDone', () => events.push('launchDone'));
    g.on('subprocessQuit', ({ expected }) => events.push(`subprocessQuit ${expected}`));
    g.on('close', () => events.push('close'));
    return events;
  };

  it('is in CONFIG when the first call tells of it, and is launched again right there', async () => {
    await using first = await startNativeDaemon();
    await using second = await startNativeDaemon();
    const g = new Guestfs({ environment: {}, autosync: false, backend: `unix:${first.socket}` });
    const events = listen(g);
    await g.launch();
    first.kill('SIGSTOP');
    const calls = [g.getUmask(), g.getUmask(), g.getUmask()];
    const states: boolean[] = [];
    for (const call of calls) call.then(undefined, () => states.push(g.isConfig()));
    const outcome = calls[0]!.then(
      () => 'answered',
      async (error: unknown) => {
        expect(error).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
        expect(g.isConfig()).toBe(true);
        expect(() => g.getPid()).toThrow(/no appliance runs/);
        await expect(Promise.resolve(g.getUmask())).rejects.toMatchObject({ code: 'ERR_GUESTFS_STATE' });
        g.setBackend(`unix:${second.socket}`);
        await g.launch();
        return 'launched';
      },
    );
    first.kill('SIGKILL');
    expect(await outcome).toBe('launched');
    await Promise.allSettled(calls);
    expect(states).toEqual([true, true, true]);
    expect(await g.getUmask()).toBeGreaterThanOrEqual(0);
    await g.close();
    expect(events).toEqual(['launchDone', 'subprocessQuit false', 'launchDone', 'subprocessQuit true', 'close']);
  });

  it('is launched again in the listener of subprocessQuit', async () => {
    await using first = await startNativeDaemon();
    await using second = await startNativeDaemon();
    const g = new Guestfs({ environment: {}, autosync: false, backend: `unix:${first.socket}` });
    await g.launch();
    const relaunched = new Promise<void>((resolve, reject) => {
      g.once('subprocessQuit', () => {
        g.setBackend(`unix:${second.socket}`);
        g.launch().then(resolve, reject);
      });
    });
    first.kill('SIGKILL');
    await relaunched;
    expect(await g.getUmask()).toBeGreaterThanOrEqual(0);
    await g.close();
  });

  it('is closed right there, and tells of the loss once', async () => {
    await using daemon = await startNativeDaemon();
    const g = new Guestfs({ environment: {}, backend: `unix:${daemon.socket}` });
    const events = listen(g);
    await g.launch();
    daemon.kill('SIGSTOP');
    const call = g.getUmask();
    daemon.kill('SIGKILL');
    await call.catch(() => g.close());
    expect(events).toEqual(['launchDone', 'subprocessQuit false', 'close']);
  });

  it('replays anew where a replay parted', async () => {
    const file = join(folder, 'session.gfr');
    {
      await using daemon = await startNativeDaemon();
      const g = new Guestfs({ environment: {}, autosync: false, backend: `unix:${daemon.socket}` });
      const recording = recordSession(g, file);
      await g.launch();
      await g.getUmask();
      await g.close();
      await recording.finished;
    }
    const g = new Guestfs({ environment: {}, autosync: false, backend: `replay:${file}` });
    const events = listen(g);
    await g.launch();
    const umask = await g
      .pingDaemon()
      .then(
        () => g.vfsType('/dev/sda'),
        () => null,
      )
      .catch(async (error: unknown) => {
        expect(error).toMatchObject({ code: 'ERR_GUESTFS_REPLAY' });
        expect(g.isConfig()).toBe(true);
        await g.launch();
        return g.getUmask();
      });
    expect(umask).toEqual(expect.any(Number));
    await g.close();
    expect(events).toEqual(['launchDone', 'subprocessQuit false', 'launchDone', 'subprocessQuit true', 'close']);
  });
});
