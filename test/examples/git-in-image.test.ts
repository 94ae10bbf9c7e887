import { expect, test } from '@jest/globals';
import { runExample } from '../support/example.js';

test('git-in-image reads a repository inside a disk with packages that are given g.fs', async () => {
  const output = await runExample('git-in-image/main.mjs');
  expect(output).toContain('On branch main:\n  Print more\n  Begin\nChanged: README.md');
  expect(output).toContain('/project/src/index.js');
}, 600_000);
