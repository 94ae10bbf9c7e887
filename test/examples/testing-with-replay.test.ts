import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { fileURLToPath } from 'node:url';

test('the tests of the replay example pass without qemu', async () => {
  const cwd = fileURLToPath(new URL('../../examples/testing-with-replay', import.meta.url));
  const jest = fileURLToPath(new URL('../../node_modules/jest/bin/jest.js', import.meta.url));
  const args = ['--experimental-vm-modules', '--no-warnings', jest, '--config', 'jest.config.json'];
  const { exitCode, all } = await execa(process.execPath, args, {
    cwd,
    env: { PATH: '/nowhere' },
    all: true,
    reject: false,
  });
  expect(all).toContain('2 passed');
  expect(exitCode).toBe(0);
}, 60_000);
