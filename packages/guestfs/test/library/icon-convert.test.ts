import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import type { Run } from '../../src/call/run.js';
import { convert, convertFile } from '../../src/library/icon/convert.js';

function makeRun(): { run: Run; log: string[] } {
  const log: string[] = [];
  const handle = { log: (line: string) => void log.push(line), settings: { tmpdir: tmpdir() } };
  return { run: { handle, signal: new AbortController().signal } as unknown as Run, log };
}

describe('converting a picture', () => {
  it('passes bytes through one program after the other', async () => {
    const { run } = makeRun();
    const result = await convert(run, Buffer.from('abc'), [['tr', 'a-c', 'x-z'], ['rev']]);
    expect(result?.toString().trim()).toBe('zyx');
  });

  it('lets the first program read a file, which is removed then', async () => {
    const { run } = makeRun();
    const path = await convertFile(run, Buffer.from('content'), ['sh', '-c', 'printf %s "$0"; cat "$0" >&2'], []);
    expect(path?.toString()).toMatch(/guestfs-.*program\.exe$/);
    expect((await convertFile(run, Buffer.from('content'), ['cat'], [['rev']]))?.toString()).toBe('tnetnoc');
  });

  it('gives nothing where a program is missing or fails, and logs that', async () => {
    const { run, log } = makeRun();
    expect(await convert(run, Buffer.from('abc'), [['no-such-program-at-all']])).toBeNull();
    expect(await convert(run, Buffer.from('abc'), [['false']])).toBeNull();
    expect(log.filter((line) => line.includes('icoutils'))).toHaveLength(2);
  });
});
