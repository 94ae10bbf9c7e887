import { execa } from 'execa';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';

jest.setTimeout(120_000);

const root = join(import.meta.dirname, '../..');
const bench = (...args: string[]) =>
  execa(process.execPath, ['scripts/bench.mjs', '--no-setup', ...args], { cwd: root, reject: false });

it('prints a JSON line for each case, with the limit on the native daemon', async () => {
  const { stdout, stderr, exitCode } = await bench('--quick', '--json', 'calls', 'transfer', 'tree');
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  const lines = stdout.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.map((line) => line.case)).toEqual([
    'get_umask, one at a time',
    'get_umask, sent ahead',
    'lstatns, one at a time',
    'lstatns, sent ahead',
    'upload',
    'upload, not stored',
    'download',
    'readdir',
    'tarOut',
    'tarIn',
  ]);
  for (const { ours, peer, ratio, limit, ofLimit } of lines) {
    for (const value of [ours, peer, ratio, limit, ofLimit]) expect(value).toBeGreaterThan(0);
  }
});

it('names the cases when it is asked for one that it does not have', async () => {
  const { stderr, exitCode } = await bench('nonsense');
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/Not known: nonsense[^]*Cases: .*calls.*transfer/);
});
