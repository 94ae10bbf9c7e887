import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FakeHost, HEALTHY, isAlive } from '../../packages/core/test/appliance/fake-qemu.js';

jest.setTimeout(120_000);

const CHILD = `
import { directBackend } from '@guestfs/attach';
import { registerLive } from '@guestfs/core/appliance';
const [config, how] = [JSON.parse(process.argv[1]), process.argv[2]];
const flush = () => new Promise((resolve) => {
  console.log('flushing');
  if (how !== 'stuck') setTimeout(() => { console.log('flushed'); resolve(); }, 200);
});
const context = { signal: new AbortController().signal, phase() {}, console() {}, log() {}, warn() {}, progress() {} };
if (how === 'handler') process.on('SIGTERM', () => { console.log('handled'); session.shutdown().then(() => process.exit(9)); });
const session = await directBackend().launch(config, context);
registerLive({ flush });
console.log('pid ' + session.pid);
setInterval(() => undefined, 1000);`;

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
  await host.qemu(HEALTHY);
});
afterEach(() => host.remove());

/** Launches in a process of its own, sends that one a signal, and tells all it printed and how it ended. */
async function signalled(how: string, signal: NodeJS.Signals) {
  const cwd = join(import.meta.dirname, '../../packages/attach');
  const args = ['--input-type=module', '--eval', CHILD, JSON.stringify(host.config()), how];
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  const end = new Promise<unknown>((resolve) => child.once('close', (code, by) => resolve(by ?? code)));
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith('pid ')) child.kill(signal);
    lines.push(line);
  }
  const pid = Number(lines.find((line) => line.startsWith('pid '))?.slice(4));
  expect(pid).toBeGreaterThan(1);
  return { end: await end, pid, said: lines.filter((line) => !line.startsWith('pid ')) };
}

/** Waits until an orphan is not only dead but also collected by its new parent. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('a signal to a process that runs an appliance', () => {
  afterEach(async () => expect(await host.leftOver()).toEqual([]));

  test.each<NodeJS.Signals>(['SIGTERM', 'SIGINT', 'SIGHUP'])(
    '%s flushes, ends the machine, and then ends the process',
    async (signal) => {
      const { end, pid, said } = await signalled('plain', signal);
      expect(said).toEqual(['flushing', 'flushed']);
      expect(end).toBe(signal);
      await gone(pid);
    },
  );

  test('a flush that hangs does not keep the process', async () => {
    const { end, pid, said } = await signalled('stuck', 'SIGTERM');
    expect(said).toEqual(['flushing']);
    expect(end).toBe('SIGTERM');
    await gone(pid);
  });

  test('is left to the handler that the program has for it', async () => {
    const { end, pid, said } = await signalled('handler', 'SIGTERM');
    expect(said).toEqual(['handled']);
    expect(end).toBe(9);
    await gone(pid);
  });
});
