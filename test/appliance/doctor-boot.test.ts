import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../packages/guestfs/bin/guestfs.js', import.meta.url));

async function doctor(env: Record<string, string> = {}): Promise<{ status: unknown; text: string }> {
  const child = spawn(process.execPath, [program, 'doctor', '--boot'], { env: { ...process.env, ...env } });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  const status = await new Promise((resolve) => child.once('close', resolve));
  return { status, text };
}

test('guestfs doctor --boot draws where the time of a boot went, by the appliance’s own log', async () => {
  const { status, text } = await doctor({ LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' });
  expect(text).toContain('All is well.');
  const chart = [...text.matchAll(/^(.+?) +(\d+\.\d\d) s {2}( *)([█▏]+)$/gm)];
  expect(chart.map(([, name]) => name)).toEqual([
    'qemu and firmware',
    'kernel',
    'initrd: modules, root',
    'init: before udev',
    'udev: devices',
    'init: MD, LVM, dumps',
    'guestfsd',
  ]);
  const times = chart.map(([, , seconds]) => Number(seconds));
  const total = Number(/^total +(\d+\.\d\d) s$/m.exec(text)?.[1]);
  expect(Math.abs(times.reduce((sum, time) => sum + time, 0) - total)).toBeLessThan(0.1);
  expect(total).toBeGreaterThan(1);
  // Each bar begins where the one before ends.
  const bars = chart.map(([, , , before = '', bar = '']) => [before.length, bar.length]);
  for (const [i, [start = 0]] of bars.entries()) {
    const [before = 0, length = 0] = bars[i - 1] ?? [];
    if (chart[i - 1]?.[4] !== '▏') expect(start).toBe(before + length);
  }
  // Nothing of the appliance's log itself is shown.
  expect(text.split('\n').length).toBeLessThan(50);
  expect(status).toBe(0);
}, 240_000);

test('a boot that fails is drawn as far as it came, with its cause, and exits non-zero', async () => {
  const { status, text } = await doctor({ LIBGUESTFS_HV: '/bin/false', LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' });
  expect(text).toMatch(/^✘ qemu-version/m);
  expect(text).toMatch(/^total +\d/m);
  expect(text).toMatch(/qemu exited with status 1/);
  expect(status).toBe(1);
}, 120_000);
