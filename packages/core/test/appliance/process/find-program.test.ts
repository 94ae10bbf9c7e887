import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { findProgram, findProgramNow, withPath } from '../../../src/appliance/process/find-program.js';
import { runCommand, startProcess } from '../../../src/appliance/process/run.js';
import { findQemuNow } from '../../../src/appliance/qemu/find.js';

const { PATH } = process.env;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guestfs-path-'));
  await writeFile(join(folder, 'guestfs-test-tool'), '#!/bin/sh\necho "$PATH"\n', { mode: 0o755 });
  await writeFile(join(folder, 'not-executable'), '');
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => void (process.env['PATH'] = PATH));

describe('a program by its name', () => {
  test('is found along PATH, where it can be executed', async () => {
    process.env['PATH'] = `::/nowhere:${folder}`;
    const place = join(folder, 'guestfs-test-tool');
    expect([await findProgram('guestfs-test-tool'), findProgramNow('guestfs-test-tool')]).toEqual([place, place]);
    expect([await findProgram('not-executable'), findProgramNow('not-executable')]).toEqual([null, null]);
    expect(await findProgram(place)).toBe(place);
  });

  test.each([undefined, ''])('is found in the system’s folders where PATH is %p', async (path) => {
    if (path === undefined) delete process.env['PATH'];
    else process.env['PATH'] = path;
    expect(await findProgram('sh')).toMatch(/^\/(usr\/)?bin\/sh$/);
    expect(findProgramNow('sh')).toMatch(/^\/(usr\/)?bin\/sh$/);
    const { stdout, failure } = await runCommand('sh', ['-c', 'env']);
    expect(failure).toBeNull();
    expect(stdout.split('\n')).toContain('PATH=/usr/bin:/bin');
  });

  test('a process that runs beside has a PATH, too', async () => {
    delete process.env['PATH'];
    const child = startProcess('sh', ['-c', 'env'], {
      env: { PATH: undefined },
      stdin: 'ignore',
      output: 'pipe',
      detached: false,
    });
    let output = '';
    child.stdout?.on('data', (bytes: Buffer) => (output += bytes.toString()));
    expect((await child.ended).exitCode).toBe(0);
    expect(output.split('\n')).toContain('PATH=/usr/bin:/bin');
    expect(withPath({ PATH: '/a', HOME: '/h' })).toEqual({ PATH: '/a', HOME: '/h' });
  });
});

test('the default qemu is the first along PATH, and its name where there is none', async () => {
  process.env['PATH'] = folder;
  expect(findQemuNow('x86_64')).toMatch(/^(qemu-system-x86_64|\/usr\/libexec\/qemu-kvm)$/);
  await symlink('/bin/true', join(folder, 'qemu-kvm'));
  expect(findQemuNow('x86_64')).toBe(join(folder, 'qemu-kvm'));
  await writeFile(join(folder, 'qemu-system-x86_64'), '');
  expect(findQemuNow('x86_64')).toBe(join(folder, 'qemu-kvm'));
  await chmod(join(folder, 'qemu-system-x86_64'), 0o755);
  expect(findQemuNow('x86_64')).toBe(join(folder, 'qemu-system-x86_64'));
});
