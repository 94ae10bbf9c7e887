import { expect } from '@jest/globals';
import type { Guestfs } from 'guestfs';

/**
 * Ends a launched handle's machine in the middle of a call, and launches again where the call rejects, with the same disk,
 * which the machine that is dying may still hold. Its first disk must have an ext2 filesystem.
 */
export async function relaunchInCatch(g: Guestfs, disk: string, kill: () => void): Promise<void> {
  const events: string[] = [];
  g.on('subprocessQuit', ({ expected }) => events.push(`subprocessQuit ${expected}`));
  g.on('launchDone', () => events.push('launchDone'));
  // So many that they do not end before the machine does.
  const running = Array.from({ length: 20 }, () => g.checksumDevice('sha512', '/dev/sda'));
  for (const call of running) call.catch(() => undefined);
  const relaunched = running.at(-1)!.then(
    () => 'answered',
    async (error: unknown) => {
      expect(error).toMatchObject({ code: 'ERR_GUESTFS_CONNECTION_LOST' });
      expect(g.isConfig()).toBe(true);
      g.addDriveScratch(1024 * 1024);
      g.addDrive(disk, { format: 'raw' });
      await g.launch();
      return 'launched';
    },
  );
  kill();
  expect(await relaunched).toBe('launched');
  expect(events).toEqual(['subprocessQuit false', 'launchDone']);
  expect(await g.listDevices()).toEqual(['/dev/sda', '/dev/sdb']);
  await g.mount('/dev/sdb', '/');
  await g.write('/after', 'written by the second machine');
  expect(await g.cat('/after')).toBe('written by the second machine');
  await g.close();
  expect(events).toEqual(['subprocessQuit false', 'launchDone', 'subprocessQuit true']);
}
