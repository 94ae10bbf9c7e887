import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { FileWriter } from '../../src/files/file-writer.js';
import { HostFile } from '../../src/files/host-file.js';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'guestfs-host-file-'))));
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(folder, { recursive: true });
});

/** From now on every operation seems to take as long as a busy disk. */
function slowDown(): void {
  let time = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => (time += 1000));
}

async function readAll(file: HostFile): Promise<string> {
  let text = '';
  const buffers = [Buffer.alloc(2), Buffer.alloc(3)];
  for (let length; (length = await file.read(buffers)) > 0;) {
    text += Buffer.concat(buffers).subarray(0, length).toString();
  }
  return text;
}

describe('a file of the host', () => {
  test('is read from one end to the other, quickly and slowly', async () => {
    const path = join(folder, 'f');
    await writeFile(path, 'a file of some length');
    for (const slow of [false, true]) {
      if (slow) slowDown();
      const file = await HostFile.open(path, 'r');
      expect(file.size).toBe(21);
      expect(await readAll(file)).toBe('a file of some length');
      if (slow) expect(file.quick).toBe(false);
      await file.close();
    }
  });

  test('that took long once is left to the other threads', async () => {
    const file = await HostFile.open(join(folder, 'f'), 'w');
    const local = file.quick;
    slowDown();
    if (local) file.writeNow(Buffer.from('x'));
    expect(file.quick).toBe(false);
    await file.write([Buffer.from('yz'), Buffer.from('!')]);
    await file.close();
    expect(await readFile(join(folder, 'f'), 'utf8')).toBe(local ? 'xyz!' : 'yz!');
  });

  test('that is a pipe is never waited for on this thread', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const opening = HostFile.open(path, 'r');
    const writer = await HostFile.open(path, 'w');
    const reader = await opening;
    expect([reader.quick, writer.quick, reader.size]).toEqual([false, false, null]);
    const reading = readAll(reader);
    await writer.write([Buffer.from('through '), Buffer.from('a pipe')]);
    await writer.close();
    expect(await reading).toBe('through a pipe');
    await reader.close();
  });

  test('that is a folder is refused, and no descriptor stays open', async () => {
    await expect(HostFile.open(folder, 'r')).rejects.toMatchObject({ code: 'EISDIR' });
  });
});

describe('FileWriter', () => {
  test('keeps the order of what came before the file was open, on this thread and on others', async () => {
    const path = join(folder, 'f');
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve)).then(() => HostFile.open(path, 'w'));
    const writer = new FileWriter(opened);
    const words = Array.from({ length: 300 }, (_, i) => `${i} `);
    const lent = Buffer.alloc(8);
    for (const [i, word] of words.entries()) {
      if (i === 100) open();
      if (i === 200) slowDown();
      if (i > 100 && i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      // The same memory each time: the writer keeps nothing of it.
      await writer.write(lent.subarray(0, lent.write(word)));
    }
    await writer.finish();
    expect(await readFile(path, 'utf8')).toBe(words.join(''));
  });

  test('tells a full disk, from this thread and from another', async () => {
    const writer = new FileWriter(HostFile.open('/dev/full', 'w'));
    const write = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) await writer.write(Buffer.alloc(600_000));
      await writer.finish();
    };
    await expect(write()).rejects.toMatchObject({ code: 'ENOSPC' });
    await writer.abandon();
  });
});
