import { expect, test } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { GuestfsError, Guestfs } from 'guestfs';
import { pages } from './pages.mjs';
import { publishAndReport } from './site.mjs';

const recording = fileURLToPath(new URL('recordings/site.gfr', import.meta.url));

/** A handle whose appliance is a recording. */
function replayed() {
  const g = new Guestfs();
  g.setBackend(`replay:${recording}`);
  return g;
}

test('the report lists every page with its size', async () => {
  const g = replayed();
  const found = await publishAndReport(g, pages);
  await g.close();
  expect(found.map(({ name, size }) => [name, size])).toEqual([
    ['about.html', 15n],
    ['index.html', 15n],
  ]);
});

test('a program that does something else is told where it parts from the recording', async () => {
  const g = replayed();
  const failure = await publishAndReport(g, { ...pages, 'index.html': 'changed' }).catch((error) => error);
  await g.close();
  expect(GuestfsError.is(failure)).toBe(true);
  expect(failure.code).toBe('ERR_GUESTFS_REPLAY');
  expect(failure.message).toContain('internalWrite');
});
