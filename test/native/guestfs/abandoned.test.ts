import { describe, expect, it } from '@jest/globals';
import { nativeDaemonMissing } from '../../support/native-daemon.js';
import { openNative } from '../../support/native-guestfs.js';

const whenPossible = nativeDaemonMissing() === null ? describe : describe.skip;

whenPossible('a call that was cancelled and runs on in the daemon', () => {
  it('is told to those who wait for it, and close does not wait for it', async () => {
    await using native = await openNative();
    const { g } = native;
    const long = g.command(['sleep', '100']);
    long.cancel();
    await expect(Promise.resolve(long)).rejects.toMatchObject({ code: 'ERR_GUESTFS_CANCELLED' });
    const told = new Promise<string>((resolve) => {
      g.on('library', ({ text }) => {
        if (text.includes(' waits for ')) resolve(text);
      });
    });
    const waiting = g.getUmask();
    waiting.catch(() => undefined);
    expect(await told).toMatch(/^getUmask\(\) waits for command\(\["sleep", "100"\]\), which was cancelled and /);
    await g.close();
    await expect(Promise.resolve(waiting)).rejects.toMatchObject({ code: 'ERR_GUESTFS_CLOSED' });
  }, 60_000);
});
