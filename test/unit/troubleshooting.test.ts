import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

test('every error code has its entry in the troubleshooting guide, and no other has', async () => {
  const source = await read('packages/events/src/errors.ts');
  const guide = await read('docs/troubleshooting.md');
  const codes = [...source.matchAll(/^ {2}\| '(ERR_GUESTFS_\w+)'/gm)].map(([, code]) => code);
  const entries = [...guide.matchAll(/^### (ERR_GUESTFS_\w+)$/gm)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(30);
  expect(entries.sort()).toEqual(codes.sort());
});
