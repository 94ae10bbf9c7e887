import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { guestProgram } from '../../../src/appliance/lean/guest-program.js';

const MACHINES = { x86_64: 62, aarch64: 183 } as const;

for (const [cpu, machine] of Object.entries(MACHINES)) {
  test.each(['guest-init', 'guest-helper'] as const)(`%s is a small static program for ${cpu}`, async (name) => {
    const program = await guestProgram(name, cpu);
    expect(program?.toString('latin1', 0, 4)).toBe('\x7fELF');
    expect(program?.readUInt16LE(18)).toBe(machine);
    expect(program?.length).toBeLessThan(20_000);
    // A dynamic program names its loader.
    expect(program?.includes('ld-linux')).toBe(false);
  });
}

test('there is none for other CPUs', async () => {
  expect(await guestProgram('guest-init', 's390x')).toBeNull();
});

test('what is shipped is what the sources give, where the compiler is the same', async () => {
  const script = fileURLToPath(new URL('../../../native/build.mjs', import.meta.url));
  const { stderr } = await promisify(execFile)(process.execPath, [script, '--check']);
  expect(stderr).toBe('');
}, 60_000);
