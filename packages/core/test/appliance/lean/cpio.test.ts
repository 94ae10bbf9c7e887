import { expect, test } from '@jest/globals';
import { writeCpio } from '../../../src/appliance/lean/cpio.js';

/** Reads an archive by the format's description, field by field. */
function readCpio(archive: Buffer): { name: string; mode: number; links: number; device: number[]; content: string }[] {
  const entries = [];
  let at = 0;
  for (;;) {
    expect(archive.toString('latin1', at, at + 6)).toBe('070701');
    const field = (index: number): number =>
      parseInt(archive.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const [size, nameSize] = [field(6), field(11)];
    const name = archive.toString('utf8', at + 110, at + 110 + nameSize - 1);
    const begin = (at + 110 + nameSize + 3) & ~3;
    if (name === 'TRAILER!!!') return entries;
    entries.push({
      name,
      mode: field(1),
      links: field(4),
      device: [field(9), field(10)],
      content: archive.toString('utf8', begin, begin + size),
    });
    at = (begin + size + 3) & ~3;
  }
}

test('entries come back as they were written, whatever their lengths', () => {
  const contents = ['', 'a', 'ab', 'abc', 'abcd', 'abcde'];
  const archive = writeCpio([
    { name: 'dev', mode: 0o040755 },
    { name: 'dev/console', mode: 0o020600, device: [5, 1] },
    ...contents.map((content, index) => ({
      name: `file${'x'.repeat(index)}`,
      mode: 0o100644,
      content: Buffer.from(content),
    })),
  ]);
  const read = readCpio(archive);
  expect(read.map(({ name }) => name)).toEqual([
    'dev',
    'dev/console',
    ...contents.map((_, index) => `file${'x'.repeat(index)}`),
  ]);
  expect(read.slice(2).map(({ content }) => content)).toEqual(contents);
  expect(read[0]).toMatchObject({ mode: 0o040755, links: 2 });
  expect(read[1]).toMatchObject({ mode: 0o020600, device: [5, 1], links: 1 });
  expect(archive.length % 4).toBe(0);
});

test('equal entries give equal bytes', () => {
  const entries = [{ name: 'init', mode: 0o100755, content: Buffer.from('x') }];
  expect(writeCpio(entries).equals(writeCpio(entries))).toBe(true);
});
