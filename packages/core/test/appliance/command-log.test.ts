import { describe, expect, test } from '@jest/globals';
import { runCommand, startProcess } from '../../src/appliance/process/run.js';

describe('the log of commands', () => {
  test('names a command, how it ended and how long it took', async () => {
    const lines: string[] = [];
    await runCommand('sh', ['-c', 'sleep 0.05; exit 3'], { log: (line) => lines.push(line) });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toBe("run sh -c 'sleep 0.05; exit 3'");
    const seconds = /^sh exited with status 3 after (\d+\.\d{3}) s$/.exec(lines[1] ?? '')?.[1];
    expect(Number(seconds)).toBeGreaterThanOrEqual(0.05);
  });

  test('tells of a command that cannot be started', async () => {
    const lines: string[] = [];
    await runCommand('/nowhere/at-all', [], { log: (line) => lines.push(line) });
    expect(lines[0]).toBe('run /nowhere/at-all');
    expect(lines[1]).toMatch(/^\/nowhere\/at-all could not be started \(ENOENT\) after \d+\.\d{3} s$/);
  });

  test('tells of a process that runs beside this one when it ends', async () => {
    const lines: string[] = [];
    const options = { env: process.env, stdin: 'pipe', output: 'ignore', detached: false } as const;
    const child = startProcess('cat', [], { ...options, log: (line) => lines.push(line) });
    expect(lines).toEqual(['run cat']);
    child.kill('SIGTERM');
    await child.ended;
    expect(lines[1]).toMatch(/^cat was killed by SIGTERM after \d+\.\d{3} s$/);
  });
});
